"""Where things lie on a box."""

from dataclasses import dataclass
from pathlib import Path

HOME = "/opt/echobase"
ETC = "/etc/echobase"
DATA = "/var/lib/echobase"
RUN = "/run/echobase"
UNITS = "/usr/local/lib/systemd/system"
"""Those of what an administrator installs; changes by `systemctl edit` lie in /etc and stay."""
USER = "echobase"
OURS = (
    *("current", "current.part", "switch.json", "switch.json.part"),
    *("releases", "airgap", "models"),
    *("venv", "venv.new", "venv.old", ".tools"),
)
"""What HOME holds of ours, `deploy/airgap/install.sh`'s too; whatever else is there is not."""


@dataclass(frozen=True)
class Places:
    """The places of one box, below `root`: the machine itself, or a folder that stands for it."""

    root: Path = Path("/")

    def at(self, path: str) -> Path:
        """Where a path of the box is found from here."""
        return self.root / path.lstrip("/")

    @property
    def scratch(self) -> bool:
        """Whether it is a folder, and the machine is to be left alone."""
        return self.root != Path("/")

    @property
    def home(self) -> Path:
        """What is installed; gone after an uninstall."""
        return self.at(HOME)

    @property
    def releases(self) -> Path:
        """One folder for each release."""
        return self.home / "releases"

    @property
    def bundles(self) -> Path:
        """What releases were made from: deltas build on it."""
        return self.home / "airgap"

    @property
    def current(self) -> Path:
        """Link to the release that runs."""
        return self.home / "current"

    @property
    def journal(self) -> Path:
        """There while a switch from one release to another is not over."""
        return self.home / "switch.json"

    @property
    def etc(self) -> Path:
        """What the administrator decides; survives an uninstall."""
        return self.at(ETC)

    @property
    def settings(self) -> Path:
        """The settings of every part."""
        return self.etc / "echobase.env"

    @property
    def public_key(self) -> Path:
        """The key by which bundles must be signed."""
        return self.etc / "airgap.pub.pem"

    @property
    def data(self) -> Path:
        """What must outlive everything; survives an uninstall."""
        return self.at(DATA)

    @property
    def units(self) -> Path:
        """systemd's units of what is installed locally."""
        return self.at(UNITS)

    @property
    def enabled(self) -> Path:
        """The link by which systemd starts EchoBase with the machine."""
        return self.at("/etc/systemd/system/multi-user.target.wants/echobase.service")

    @property
    def users(self) -> Path:
        """What systemd-sysusers is told."""
        return self.at("/usr/local/lib/sysusers.d/echobase.conf")

    @property
    def command(self) -> Path:
        """The command `echobase`."""
        return self.at("/usr/local/bin/echobase")
