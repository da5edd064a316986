"""What a chunk gives does not depend on who shares the model's calls: to the bit, with int8."""

import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from services.transcriber.audio import Samples, decode
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE, Span
from services.transcriber.direct import decode_alone, decode_together
from services.transcriber.engine import Engine
from services.transcriber.engines import load_own
from services.transcriber.plan import make_plan
from shared.messages import Options
from shared.settings import TranscriberSettings
from tests.support.transcribing import SAMPLES, sample_texts

CLIPS = 200
SETTINGS = TranscriberSettings(
    whisper_model_name="demo", whisper_device="cpu", whisper_compute_type="int8"
)
OPTIONS = (
    Options(),
    Options(words=True),
    Options(prompt="engine three"),
    Options(prompt="ladder seven", words=True),
    Options(hotwords="10-4"),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_own(SETTINGS)[0]


@pytest.fixture(scope="module")
def clips(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Chunk]:
    """Stretches of the samples, some in noise, some of them nothing else."""
    folder = tmp_path_factory.mktemp("samples")
    audios = [decode(SAMPLES / name, folder / name) for name in sample_texts()]
    draw, noise = random.Random(7), np.random.default_rng(7)
    plan = make_plan(Options(), SETTINGS, "demo", engine.model.traits)
    found: list[Chunk] = []
    for number in range(CLIPS):
        audio = draw.choice(audios)
        length = min(audio.total, round(draw.uniform(1, 4) * RATE))
        start = draw.randrange(audio.total - length + 1)
        samples: Samples = audio.read(Span(start, start + length))
        if number % 4 == 0:
            samples = samples + noise.normal(0, 0.05, length).astype(np.float32)
        if number % 25 == 0:
            samples = noise.normal(0, 0.1, length).astype(np.float32)
        options = msgspec.structs.replace(draw.choice(OPTIONS), model="demo", language="en")
        frozen = msgspec.structs.replace(plan, options=options, beam_size=draw.choice([1, 1, 1, 3]))
        found.append(Chunk(samples, float(number), frozen, "en"))
    return found


def test_the_same_text_and_times_alone_and_in_random_company(
    engine: Engine, clips: Sequence[Chunk]
) -> None:
    alone = [decode_alone(engine, chunk) for chunk in clips]
    assert sum(map(bool, alone)) > CLIPS / 2, "there is something to compare"
    assert len({repr(spoken) for spoken in alone}) > CLIPS / 2
    order = list(range(CLIPS))
    draw = random.Random(11)
    draw.shuffle(order)
    together: dict[int, list[Spoken]] = {}
    while order:
        batch = [order.pop() for _ in range(min(len(order), draw.randint(2, 24)))]
        spoken = decode_together(engine, [clips[number] for number in batch])
        together.update(zip(batch, spoken, strict=True))
    assert [together[number] for number in range(CLIPS)] == alone
