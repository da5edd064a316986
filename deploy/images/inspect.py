"""What must be so of every image, looked for in the image itself."""

import tarfile
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.images.archive import Exported
from deploy.images.container import Container
from deploy.images.recipes import HEAVY, USER, Recipe

_TOOLS = ("pip", "pip3", "uv", "gcc", "cc", "c++", "ld", "as", "make")
_OURS = ("org.opencontainers.image.title", "org.opencontainers.image.version")
_PROBE = f"""
import importlib.util, json, os, shutil
def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError:
        return False
    os.remove(os.path.join(folder, "probe"))
    return True
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
places = ("/", "/app", "/opt/echobase", "/etc", "/var", "/usr", "/home", "/tmp", "/data", "/models")
print(json.dumps(dict(
    user=os.getuid(), group=os.getgid(), groups=os.getgroups(),
    capabilities=int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    privileges=int(status["NoNewPrivs"]),
    writable=[place for place in places if os.path.isdir(place) and writable(place)],
    tools=[name for name in {_TOOLS} if shutil.which(name)]
    + [name for name in ("pip", "ensurepip", "uv") if importlib.util.find_spec(name)],
    packages=sorted(name for name in {HEAVY}
                    if importlib.util.find_spec(name.replace("-", "_"))),
)))
"""


class Found(Struct, frozen=True):
    """What the probe saw from within a container."""

    user: int
    group: int
    groups: list[int]
    capabilities: int
    privileges: int
    writable: list[str]
    tools: list[str]
    packages: list[str]


def probe(container: Container) -> Found:
    """Look around in a container. Raises ImagesError."""
    return msgspec.json.decode(container.run("python", "-c", _PROBE), type=Found)


def faults_within(recipe: Recipe, found: Found, volumes: set[str]) -> list[str]:
    """What is not as it must be, of what the probe saw."""
    # torch is nobody's: CTranslate2 needs none.
    heavy = set(HEAVY) - {"torch"} if recipe.service == "transcriber" else set[str]()
    wanted: dict[str, tuple[object, object]] = {
        "user": (found.user, USER),
        "group": (found.group, USER),
        "other groups": (set(found.groups) - {USER}, set[int]()),
        "capabilities": (found.capabilities, 0),
        "no new privileges": (found.privileges, 1),
        "writable": (set(found.writable), {"/tmp", *volumes}),  # noqa: S108 - the container's
        "tools": (found.tools, []),
        "heavy packages": (set(found.packages) - heavy, set[str]()),
    }
    return [
        f"{name}: {is_}, not {should}" for name, (is_, should) in wanted.items() if is_ != should
    ]


def faults_of_layers(image: Exported) -> list[str]:
    """What our layers hold and must not; the base is the first and not ours."""
    found: list[str] = []
    for number, layer in enumerate(image.layers[1:], start=1):
        with tarfile.open(image.file(layer)) as tar:
            found += [
                f"layer {number}: {entry.name} {fault}" for entry in tar if (fault := _fault(entry))
            ]
    return found


def _fault(entry: tarfile.TarInfo) -> str:
    name = Path(entry.name).name
    if name.endswith((".pyc", ".pyo")) or name == "__pycache__":
        return "is bytecode"
    if entry.isfile() and entry.mode & 0o6000:
        return "changes the user"
    if entry.isfile() and entry.mode & 0o002:
        return "may be written by everybody"
    if name in (".env", "id_rsa", "id_ed25519") or name.endswith((".key", ".nk")):
        return "looks like a secret"
    return "" if entry.mtime == 0 else "has a time"


def faults_of_labels(labels: dict[str, str]) -> list[str]:
    """Which labels are missing or unknown."""
    return [f"label {name} is missing" for name in _OURS if labels.get(name, "") in ("", "unknown")]
