"""Overlays as YAML: what `kustomize build` or `kubectl kustomize` makes of them."""

import shutil
from pathlib import Path

from deploy.airgap import wheelhouse
from deploy.airgap.errors import AirgapError

OVERLAYS = wheelhouse.ROOT / "deploy/k3s/overlays"
_FETCHED = wheelhouse.ROOT / ".tools/kustomize/kustomize"


def render(overlay: str) -> str:
    """The manifests of an overlay, or of a folder of the site's own.

    Raises AirgapError if it is none or if nothing here can render it.
    """
    folder = OVERLAYS / overlay
    if not (folder / "kustomization.yaml").is_file():
        folder = Path(overlay).absolute()
    if not (folder / "kustomization.yaml").is_file():
        raise AirgapError(f"there is no overlay {overlay}")
    return wheelhouse.run([*_program(), str(folder)])


def _program() -> list[str]:
    for name, how in (("kustomize", "build"), ("kubectl", "kustomize")):
        if path := shutil.which(name):
            return [path, how]
    if _FETCHED.is_file():
        return [str(_FETCHED), "build"]
    raise AirgapError("neither kustomize nor kubectl is here: render the overlays elsewhere")


def overlays(folder: Path | None, names: tuple[str, ...]) -> dict[str, str]:
    """Manifests by overlay: those of a folder of YAML files, and those rendered now."""
    found = sorted(folder.glob("*.yaml")) if folder else []
    given = {path.stem: path.read_text("utf-8") for path in found}
    return given | {Path(name).name: render(name) for name in names}
