"""The site's cluster, as far as `apply` needs it: kubectl, and the import of images into k3s."""

import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.airgap import rendered
from deploy.airgap.errors import AirgapError, RolloutFailed
from deploy.airgap.rendered import Document, Object
from deploy.k3s import secrets

MANAGER = "echobase-airgap"
"""Who owns the fields that the manifests set."""
_TAIL = 600
"""Characters of a program's complaint that an error shows."""


@dataclass(frozen=True)
class Cluster:
    """One site's cluster."""

    kubectl: Sequence[str] = ("k3s", "kubectl")
    importer: Sequence[str] = ("k3s", "ctr", "--namespace", "k8s.io", "images", "import")
    """Takes an archive's path; k3s' own import of its folder tells nobody when it is done."""
    timeout: int = 600
    """Seconds that each part may take to become healthy."""

    def check(self) -> None:
        """Raise AirgapError if the cluster does not answer."""
        try:
            self._run([*self.kubectl, "get", "--raw", "/readyz"])
        except RolloutFailed as error:
            raise AirgapError(
                f"the cluster does not answer, nothing was changed: {error}"
            ) from None

    def take_image(self, archive: Path) -> None:
        """Import an archive's images. Raises RolloutFailed."""
        self._run([*self.importer, str(archive)])

    def make_secrets(self, namespaces: Collection[Document], host: str) -> list[str]:
        """Make the namespaces, and the secrets that are not there yet: their names."""
        if namespaces:
            self._apply("-", rendered.text(namespaces))
        made: list[str] = []
        for secret in secrets.SECRETS:
            where = ["--namespace", secrets.NAMESPACE]
            asked = ["get", "secret", secret.name, *where, "--ignore-not-found", "--output=name"]
            if not self._run([*self.kubectl, *asked]).strip():
                content = msgspec.json.encode(secrets.manifest(secret, host)).decode()
                # By standard input: it is never on the disk, nor in a list of processes.
                self._run([*self.kubectl, "create", "--filename=-"], content)
                made.append(secret.name)
        return made

    def roll_out(self, manifests: Path) -> None:
        """Bring the cluster to what the manifests say. Raises RolloutFailed."""
        for job in rendered.jobs(_read(manifests)):
            self._delete(job)
        self._apply(str(manifests))

    def wait(self, manifests: Path) -> None:
        """Wait until all that the manifests start is healthy. Raises RolloutFailed."""
        limit = f"--timeout={self.timeout}s"
        for one in rendered.rolled_out(_read(manifests)):
            self._run([*self.kubectl, "rollout", "status", one.resource, *_within(one), limit])
        for job in rendered.jobs(_read(manifests)):
            done = ["wait", "--for=condition=complete", job.resource, *_within(job), limit]
            self._run([*self.kubectl, *done])

    def unhealthy(self, manifests: Path) -> list[str]:
        """What is not healthy now, with the reason."""
        found: list[str] = []
        for one in rendered.rolled_out(_read(manifests)):
            try:
                asked = ["rollout", "status", one.resource, *_within(one), "--timeout=1s"]
                self._run([*self.kubectl, *asked])
            except RolloutFailed as error:
                found.append(str(error))
        return found

    def prune(self, before: Path, after: Path) -> None:
        """Remove what the one release had and the other has no more. Raises RolloutFailed."""
        for one in rendered.gone(_read(before), _read(after)):
            self._delete(one)

    def _apply(self, file: str, stdin: str = "") -> None:
        options = ["--server-side", "--force-conflicts", f"--field-manager={MANAGER}"]
        self._run([*self.kubectl, "apply", *options, f"--filename={file}"], stdin)

    def _delete(self, one: Object) -> None:
        options = [*_within(one), "--ignore-not-found", f"--timeout={self.timeout}s"]
        self._run([*self.kubectl, "delete", one.resource, *options])

    def _run(self, command: Sequence[str], stdin: str = "") -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the site's own programs
                command, input=stdin, capture_output=True, text=True, errors="replace"
            )
        except OSError as error:
            raise RolloutFailed(f"{command[0]} cannot be run: {error.strerror}") from None
        if done.returncode:
            complaint = " ".join((done.stderr or done.stdout).split())[-_TAIL:]
            raise RolloutFailed(f"`{' '.join(command)}` failed: {complaint}")
        return done.stdout


def namespaces(manifests: Path) -> list[Document]:
    """What has to be there before secrets are."""
    return rendered.of_kind(_read(manifests), "Namespace")


def _within(one: Object) -> list[str]:
    return ["--namespace", one.namespace] if one.namespace else []


def _read(manifests: Path) -> list[Document]:
    return rendered.documents(manifests.read_text("utf-8"))
