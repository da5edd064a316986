"""What `echobase airgap status` says of a site."""

from datetime import datetime

import msgspec
from msgspec import Struct

from deploy.airgap import manifest
from deploy.airgap.cluster import Cluster
from deploy.airgap.errors import AirgapError
from deploy.airgap.site import Installed, Site
from deploy.airgap.steps import manifests_of


class Report(Struct, frozen=True, kw_only=True):
    """The state of a site."""

    version: str | None = None
    """What is installed; None if nothing is."""
    identity: str | None = None
    """SHA-256 of its `manifest.json`: what a delta is made from."""
    commit: str | None = None
    since: datetime | None = None
    overlay: str | None = None
    damage: str | None = None
    """What is wrong with the bundle's signature or files; None if every byte is right."""
    unhealthy: tuple[str, ...] = ()
    """What the cluster says is not healthy."""
    unfinished: str | None = None
    """The version whose installation was interrupted."""

    @property
    def good(self) -> bool:
        """Whether there is nothing to do."""
        return bool(self.version) and not (self.damage or self.unhealthy or self.unfinished)

    def json(self) -> str:
        """For programs."""
        return msgspec.json.encode(self).decode()

    def text(self) -> str:
        """For people."""
        lines = ["Nothing is installed."]
        if self.version and self.identity and self.since:
            lines = [
                f"Installed: {self.version} ({self.identity[:16]}), commit {self.commit}",
                f"Since:     {self.since:%Y-%m-%d %H:%M} UTC, overlay {self.overlay or 'none'}",
                f"Verified:  {self.damage or 'signature and every SHA-256'}",
                f"Rollout:   {'; '.join(self.unhealthy) or 'healthy'}",
            ]
        if self.unfinished:
            lines.append(f"Interrupted: {self.unfinished}; `echobase airgap apply` finishes it")
        return "\n".join(lines)


def report(site: Site, cluster: Cluster) -> Report:
    """Look at a site."""
    task = site.journal.unfinished()
    unfinished = task.begun.version if task else None
    installed = site.installed()
    if installed is None:
        return Report(unfinished=unfinished)
    commit, damage = _verified(site, installed)
    return Report(
        version=installed.version,
        identity=installed.identity,
        commit=commit,
        since=installed.since,
        overlay=installed.overlay,
        damage=damage,
        unhealthy=_unhealthy(site, installed, cluster),
        unfinished=unfinished,
    )


def _verified(site: Site, installed: Installed) -> tuple[str | None, str | None]:
    try:
        return manifest.verify(site.bundle(installed.identity), site.key).commit, None
    except (AirgapError, FileNotFoundError) as error:
        return None, str(error)


def _unhealthy(site: Site, installed: Installed, cluster: Cluster) -> tuple[str, ...]:
    if installed.overlay is None:
        return ()
    path = manifests_of(site.bundle(installed.identity), installed.overlay)
    return tuple(cluster.unhealthy(path)) if path.is_file() else ("its manifests are missing",)
