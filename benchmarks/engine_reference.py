"""What EchoBase must say: its own chunks of a file, each decoded alone, without a server."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from services.transcriber.audio import decode
from services.transcriber.chunk import Chunk
from services.transcriber.chunks import RATE, Span
from services.transcriber.direct import chunks_of, decode_alone
from services.transcriber.engines import load_own
from services.transcriber.model_folder import FILE, LONGEST_WINDOW, read_traits
from services.transcriber.plan import make_plan
from shared.messages import Options
from shared.settings import TranscriberSettings


class Reference:
    """A model in this process, asked for one chunk at a time."""

    def __init__(self, model: Path, margin: float) -> None:
        """`margin` is `ECHOBASE_WINDOW_MARGIN`."""
        settings = TranscriberSettings(
            whisper_model_name=str(model),
            whisper_device="cpu",
            whisper_compute_type="int8",
            whisper_beam_size=1,
            window_margin=margin,
        )
        self._engine, _ = load_own(settings)
        found = self._engine.model
        self.plan = make_plan(Options(language="en"), settings, found.name, found.traits)
        """Of what is decoded from now on."""

    def chunks(self, path: Path) -> list[Chunk]:
        """What a file is cut into."""
        with TemporaryDirectory() as folder:
            return chunks_of(path, self.plan, Path(folder) / "samples")

    def uncut(self, path: Path) -> str:
        """What is said in a file whose first 30 s are one chunk, speech or not."""
        with TemporaryDirectory() as folder:
            audio = decode(path, Path(folder) / "samples")
            samples = audio.read(Span(0, min(audio.total, round(LONGEST_WINDOW) * RATE)))
        said = decode_alone(self._engine, Chunk(samples, 0.0, self.plan, "en"))
        return " ".join(spoken.text for spoken in said)

    def text(self, path: Path) -> str:
        """What is said in a file."""
        said = (decode_alone(self._engine, chunk) for chunk in self.chunks(path))
        return " ".join(spoken.text for each in said for spoken in each)


def cut_as_whisper(model: Path, target: Path) -> Path:
    """The same model, told to be fed as a real Whisper model is: pauses joined to 30 s."""
    target.mkdir(parents=True, exist_ok=True)
    for file in model.iterdir():
        if file.is_file() and file.name != FILE:
            (target / file.name).write_bytes(file.read_bytes())
    traits = msgspec.structs.replace(
        read_traits(model), join_pauses=True, longest_chunk=LONGEST_WINDOW, shortest_pause=0.5
    )
    (target / FILE).write_bytes(msgspec.json.encode(traits))
    return target
