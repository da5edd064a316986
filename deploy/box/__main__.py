"""`python3 -m deploy.box install|update|uninstall …`: also where nothing is installed yet.

    PYTHONPATH=BUNDLE/code/echobase-….whl python3 -m deploy.box install BUNDLE …

needs nothing but Python: the release is made first, and its own program does the rest, beginning
with the bundle's signature. Standard library only, until then.
"""

import importlib.util
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.box.errors import BoxError
from deploy.box.places import Places
from deploy.box.release import Releases
from deploy.box.source import is_bundle, of_bundle

_NEEDED = ("click", "cryptography", "msgspec")


def main(arguments: list[str]) -> None:
    """Run a command of a box."""
    if all(importlib.util.find_spec(name) for name in _NEEDED):
        _run(arguments)
        return
    try:
        python = _make_release(arguments)
    except BoxError as error:
        sys.exit(f"echobase: {error}")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    os.execve(python, [python, "-P", "-m", "deploy.box", *arguments], env)  # noqa: S606 - no shell is wanted


def _run(arguments: list[str]) -> None:
    from shared.cli import main as run

    sys.argv = ["echobase", *arguments]
    run()


def _make_release(arguments: list[str]) -> str:
    """Make the release of the bundle that is to be installed; its interpreter."""
    bundle = next((Path(each) for each in arguments[1:] if is_bundle(Path(each))), None)
    if arguments[:1] != ["install"] or bundle is None:
        raise BoxError("give `install` and a bundle's folder")
    root = Path(arguments[arguments.index("--root") + 1]) if "--root" in arguments else Path("/")
    os.umask(0o022)
    releases = Releases(Places(root.absolute()))
    with TemporaryDirectory() as scratch:
        source = of_bundle(bundle, Path(scratch))
        release = releases.make(source, Path(sys.executable).resolve())
    return str(releases.python(release))


if __name__ == "__main__":
    main(sys.argv[1:])
