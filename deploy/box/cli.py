"""`python -m deploy.box.cli`: the command `echobase` with the settings of this box."""

import os
import sys

from deploy.box.config import read_settings
from deploy.box.places import DATA, Places
from shared.cli import main as run


def main() -> None:
    """Run the command; the environment wins over the box's settings."""
    path = Places().settings
    try:
        env = read_settings(path)
    except PermissionError:
        sys.exit(f"echobase: {path} cannot be read: use sudo, or join the group echobase")
    for name, value in {"ECHOBASE_DATA": DATA, **env}.items():
        os.environ.setdefault(name, value)
    run()


if __name__ == "__main__":
    main()
