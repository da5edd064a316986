"""The manifests of k3s, rendered: each overlay once in a process."""

import shutil
from functools import cache
from pathlib import Path

from tests.support import kustomize, manifests
from tests.support.manifests import Node
from tests.support.repository import ROOT

K3S = ROOT / "deploy" / "k3s"
OVERLAYS = ("dev", "edge-cpu", "edge-gpu", "cluster")


@cache
def _text(overlay: str) -> str:
    return kustomize.find().render(K3S / "overlays" / overlay)


def rendered(overlay: str) -> list[Node]:
    """An overlay's documents, parsed anew: the caller may change them."""
    return manifests.parse(_text(overlay))


def copied(folder: Path) -> Path:
    """The manifests in a folder of a test's own."""
    target = folder / "k3s"
    shutil.copytree(K3S, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


def render_site(folder: Path, text: str) -> list[Node]:
    """The documents of a site's own kustomization, which lies beside `base` and `overlays`."""
    site = copied(folder) / "site"
    site.mkdir()
    (site / "kustomization.yaml").write_text(text, "utf-8")
    return manifests.parse(kustomize.find().render(site))


def site(base: str, components: list[str], more: str = "") -> str:
    """A kustomization as a site writes it; paths as seen from it."""
    listed = "".join(f"  - {each}\n" for each in components)
    return (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: echobase\n"
        f"resources:\n  - {base}\n" + (f"components:\n{listed}" if components else "") + more
    )
