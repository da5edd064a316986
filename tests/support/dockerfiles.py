"""What must be so of a Dockerfile of ours, read from its text."""

import re
from dataclasses import dataclass
from pathlib import Path

_SECRET = re.compile(r"KEY|SECRET|PASSWORD|TOKEN|CREDENTIAL", re.IGNORECASE)
_FINAL = ("runtime", "cuda", "dev")
_ORDER = {
    "/opt/cuda": 0,
    "/opt/echobase": 1,
    "/app/services/transcriber/demo_model": 2,
    "/app": 3,
}
"""Where a final stage's layers come, by place: what changes least often is first."""
_LABELS = ("title", "description", "version", "revision", "licenses", "base.name")
_USER = "10001:10001"


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    word: str
    arguments: str
    stage: str
    """The stage that it is in; empty before the first."""

    @property
    def options(self) -> dict[str, str]:
        """What stands before its arguments, such as `--from=code`."""
        return dict(re.findall(r"(?:^|\s)--(from|chown|mount)=(\S+)", self.arguments))

    @property
    def paths(self) -> list[str]:
        """A COPY's sources and its target."""
        return [word for word in self.arguments.split() if not word.startswith("--")]


def parse(text: str) -> list[Instruction]:
    """A Dockerfile's instructions."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[Instruction] = []
    stage = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stage = rest.split()[-1]
        found.append(Instruction(word, " ".join(rest.split()), stage))
    return found


def faults(text: str, service: str, root: Path) -> list[str]:
    """What is wrong with the Dockerfile of a service; `root` is the repository's."""
    found = parse(text)
    return [
        *_bases(found),
        *_copies(found, service, root),
        *_installs(found),
        *_secrets(found),
        *(fault for name in _stages(found) if name in _FINAL for fault in _final(found, name)),
        *_commands(found, service),
        *([] if _stages(found)[-1] == "runtime" else ["the last stage is not `runtime`"]),
    ]


def _stages(found: list[Instruction]) -> list[str]:
    return [each.stage for each in found if each.word == "FROM"]


def _bases(found: list[Instruction]) -> list[str]:
    defaults = dict(
        each.arguments.split("=", 1) for each in found if each.word == "ARG" and not each.stage
    )
    faults: list[str] = []
    if not re.fullmatch(r"[a-z]+:[a-z0-9.-]+", defaults.get("BASE", "")):
        faults.append("BASE is no short name with a tag")
    known = {"scratch", "${BASE}"}
    for each in found:
        if each.word == "FROM":
            base, *_ = each.arguments.split()
            if base not in known:
                faults.append(f"FROM {base} is neither BASE nor an earlier stage")
            known.add(each.stage)
    return faults


def _copies(found: list[Instruction], service: str, root: Path) -> list[str]:
    faults: list[str] = []
    for each in found:
        if each.word == "ADD":
            faults.append("ADD may fetch and unpack: COPY does neither")
        if each.word != "COPY":
            continue
        *sources, _ = each.paths
        if stage := each.options.get("from"):
            if stage not in _stages(found):
                faults.append(f"COPY from {stage}, which is no stage")
            continue
        faults += [f"COPY of {path}, which is not sent" for path in sources if not sent(path, root)]
        others = {"ingest", "transcriber", "stream"} - {service}
        faults += [
            f"COPY of {path}, which {service} does not need"
            for path in sources
            if path in ("services", "tests", "deploy") or path.split("/")[-1] in others
        ]
    return faults


def sent(path: str, root: Path) -> bool:
    """Whether a file or folder exists and `.dockerignore` lets it through."""
    lines = (root / ".dockerignore").read_text("utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    inside = any(path == each or path.startswith(f"{each}/") for each in allowed)
    return "*" in lines and inside and (root / path).exists()


def _installs(found: list[Instruction]) -> list[str]:
    faults: list[str] = []
    for each in (each for each in found if each.word == "RUN"):
        if "<<" in each.arguments:
            faults.append("RUN with a heredoc fails in buildah's chroot isolation")
        if re.search(r"\bapt(-get)?\b|\bcurl\b|\bwget\b", each.arguments):
            faults.append("RUN installs or fetches what no lock names")
        for command in re.findall(r"pip (?:install|sync)[^;]*", each.arguments):
            own = "--no-deps" in command and "--offline" in command and command.split()[-1] == "."
            if "--require-hashes" not in command and not own:
                faults.append("RUN installs without --require-hashes")
            if "--compile" in command:
                faults.append("RUN writes bytecode")
    return faults


def _secrets(found: list[Instruction]) -> list[str]:
    names = [
        name
        for each in found
        if each.word in ("ENV", "ARG")
        for name in re.findall(r"(?:^|\s)(\w+)(?==|$)", each.arguments)
    ]
    return [f"{name} looks like a secret" for name in names if _SECRET.search(name)]


def _final(found: list[Instruction], stage: str) -> list[str]:
    """A stage that becomes an image: only copies, in the order of their change, as no root."""
    chain = _chain(found, stage)
    own = [each for each in found if each.stage == stage]
    targets = [each.paths[-1] for each in own if each.word == "COPY"]
    users = [each.arguments for each in chain if each.word == "USER"]
    faults: list[str] = []
    if users[-1:] != [_USER]:
        faults.append(f"{stage} runs as {users[-1:] or 'root'}, not as {_USER}")
    if any(each.word == "RUN" for each in own):
        faults.append(f"{stage} runs something: its layers must be copies")
    places = [_ORDER.get(target, -1) for target in targets]
    # In a dev image the code is owned by who runs it, with every folder: it is copied whole.
    if stage != "dev" and places != sorted({*places, _ORDER["/app"]} - {-1}):
        faults.append(f"{stage} has its layers in the order {targets}")
    if any(each.options.get("from") in (None, "builder") for each in own if each.word == "COPY"):
        faults.append(f"{stage} copies from the builder or from the context")
    return faults + ([] if stage == "dev" else _labels(own, stage))


def _labels(own: list[Instruction], stage: str) -> list[str]:
    text = " ".join(each.arguments for each in own if each.word == "LABEL")
    missing = [name for name in _LABELS if f"org.opencontainers.image.{name}=" not in text]
    return [f"{stage} has no label {name}" for name in missing]


def _commands(found: list[Instruction], service: str) -> list[str]:
    wanted = {
        "dev": f'["python", "-m", "shared.reload", "services.{service}"]',
        **dict.fromkeys(("runtime", "cuda"), f'["python", "-m", "services.{service}"]'),
    }
    commands = {each.stage: each.arguments for each in found if each.word == "CMD"}
    return [
        f"{stage} runs {commands.get(stage)}"
        for stage in _stages(found)
        if stage in wanted and commands.get(stage) != wanted[stage]
    ]


def _chain(found: list[Instruction], stage: str) -> list[Instruction]:
    """A stage's instructions, after those of the stages that it stands on."""
    own = [each for each in found if each.stage == stage]
    base = own[0].arguments.split()[0] if own else ""
    return [*(_chain(found, base) if base in _stages(found) else []), *own]
