"""Installs what arrived, step by step; whatever interrupts it, the next run goes on from there.

    restore   the whole bundle, verified, in a folder of its own
    images    each archive in k3s' folder, and imported
    models    the speech models, beside what is there
    secrets   those that are missing, made here
    rollout   `kubectl apply`
    wait      until all is healthy
    prune     what the bundle before had and this one has not
    commit    the site has this bundle now
    tidy      older bundles go

If rollout, wait or prune fails, the steps are done again with the bundle before. A site without a
cluster (`overlay` is None) ends with the bundle in its folder.
"""

from collections.abc import Callable
from pathlib import Path

from deploy.airgap import incoming, manifest
from deploy.airgap.cluster import Cluster
from deploy.airgap.errors import AirgapError, BadBundle, OlderVersion, RolloutFailed
from deploy.airgap.incoming import Incoming
from deploy.airgap.journal import Back, Begun, Done, Ended, Step, Task, now
from deploy.airgap.manifest import Manifest
from deploy.airgap.site import Installed, Site
from deploy.airgap.steps import Steps, manifests_of

FORWARD: tuple[Step, ...] = (
    "images",
    "models",
    "secrets",
    "rollout",
    "wait",
    "prune",
    "commit",
    "tidy",
)
BACKWARD: tuple[Step, ...] = ("images", "models", "rollout", "wait", "prune")
_WITHOUT_CLUSTER: frozenset[Step] = frozenset(("commit", "tidy"))

Say = Callable[[str], None]


class Applier:
    """Installs bundles on one site."""

    def __init__(self, site: Site, cluster: Cluster, say: Say) -> None:
        self._site = site
        self._cluster = cluster
        self._steps = Steps(site, cluster)
        self._say = say

    def apply(
        self, path: Path, *, overlay: str | None, host: str | None, force: bool = False
    ) -> Manifest:
        """Install a bundle or a delta. `overlay` and `host` are as before if None.

        At first `overlay` is the bundle's only one if None; it is empty for a site without a
        cluster, and `host` must be given for one with a cluster.
        Raises BadBundle, WrongBase, OlderVersion or NoRoom, with the site as it was; RolloutFailed
        if the bundle before had to come back.
        """
        with self._site.claimed():
            arrived = incoming.read(path, self._site.key)
            task = self._begun(arrived, overlay, host)
            if not task.restored:
                self._restore(arrived, task.begun.overlay, force=force)
            return self._finish()

    def resume(self) -> Manifest:
        """Finish what was interrupted, once the bundle is whole. Raises as `apply`."""
        with self._site.claimed():
            task = self._site.journal.unfinished()
            if task is None:
                raise AirgapError("nothing was interrupted: name the bundle or the delta")
            if not task.restored:
                raise AirgapError("it was interrupted while it was read: name the file again")
            return self._finish()

    def _begun(self, arrived: Incoming, overlay: str | None, host: str | None) -> Task:
        """The task to do: the interrupted one, if it is the same."""
        journal, installed = self._site.journal, self._site.installed()
        task = journal.unfinished()
        if task and task.begun.to != arrived.to:
            if task.restored:
                raise AirgapError(
                    f"{task.begun.version} was interrupted: finish it first, with `apply` alone"
                )
            journal.add(Ended(now(), "given up", "another one came"))
            task = None
        if task:
            return task
        incoming.admit(arrived, installed)
        chosen = _overlay(overlay, arrived, installed)
        # Installed again, there is nothing else to go back to.
        base = installed if installed and installed.identity != arrived.to else None
        begun = Begun(
            at=now(),
            to=arrived.to,
            version=arrived.version,
            base=base.identity if base else None,
            base_overlay=base.overlay if base else None,
            overlay=chosen,
            host=_host(host, chosen, installed),
        )
        journal.add(begun)
        return Task(begun)

    def _restore(self, arrived: Incoming, overlay: str | None, *, force: bool) -> None:
        try:
            folder = incoming.bring(arrived, self._site, force=force)
            if overlay and not manifests_of(folder, overlay).is_file():
                raise BadBundle(f"the bundle has no manifests for {overlay}")
        except (BadBundle, OlderVersion) as error:
            self._site.journal.add(Ended(now(), "given up", str(error)))
            raise
        self._say(f"{arrived.version} is whole and signed")
        self._site.journal.add(Done(now(), "restore"))

    def _finish(self) -> Manifest:
        begun = self._task().begun
        if begun.overlay:
            self._cluster.check()
        if self._task().back is None:
            try:
                self._run(FORWARD)
                self._site.journal.add(Ended(now(), "installed"))
                return manifest.signed(self._site.bundle(begun.to), self._site.key)
            except RolloutFailed as error:
                self._say(f"it failed: {error}")
                self._site.journal.add(Back(now(), str(error)))
        raise self._go_back(begun, self._task().back or "")

    def _run(self, steps: tuple[Step, ...]) -> None:
        """Do what is not done yet."""
        for step in steps:
            task = self._task()
            if step in task.done or not (task.begun.overlay or step in _WITHOUT_CLUSTER):
                continue
            self._say(f"back: {step}" if task.back is not None else step)
            self._steps.do(step, task)
            self._site.journal.add(Done(now(), step))

    def _go_back(self, begun: Begun, reason: str) -> RolloutFailed:
        """What to say once the bundle before is back."""
        failed = f"{begun.version} did not become healthy: {reason}"
        if begun.base is None:
            self._site.journal.add(Ended(now(), "given up", reason))
            return RolloutFailed(f"{failed} (there is nothing before it to go back to)")
        try:
            self._run(BACKWARD)
        except RolloutFailed as error:
            return RolloutFailed(
                f"{failed}; what was before did not come back either ({error}):"
                " mend that, then `apply` without a file tries again"
            )
        self._site.journal.add(Ended(now(), "rolled back", reason))
        return RolloutFailed(f"{failed} (what was before is back)")

    def _task(self) -> Task:
        task = self._site.journal.unfinished()
        if task is None:
            raise AirgapError("the journal was changed by somebody else")
        return task


def _overlay(given: str | None, arrived: Incoming, installed: Installed | None) -> str | None:
    if given is not None or installed:
        return (given if given is not None else installed and installed.overlay) or None
    if len(arrived.overlays) > 1:
        raise AirgapError(f"name one of the bundle's overlays: {', '.join(arrived.overlays)}")
    return arrived.overlays[0] if arrived.overlays else None


def _host(given: str | None, overlay: str | None, installed: Installed | None) -> str:
    host = given or (installed.host if installed else "")
    if overlay and not host:
        raise AirgapError("name the site's host, for its certificate")
    return host
