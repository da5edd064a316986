"""Train the model on a bank.

    python -m services.transcriber.demo_model.recipe.train BANK RUN [--steps 30000] [--from FOLDER]

RUN is a folder for checkpoints; a training that was stopped goes on from there, with the schedule
that it is now given. Needs the extra `train`.
"""

import argparse
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from services.transcriber.demo_model.recipe import bank, network
from services.transcriber.demo_model.recipe.batches import Batch, Mix, batches
from services.transcriber.demo_model.recipe.depth import deepened
from services.transcriber.demo_model.recipe.lesson import IGNORED, WORDS
from services.transcriber.demo_model.recipe.model_file import read_weights
from services.transcriber.demo_model.recipe.optimizer import Optimizer
from services.transcriber.demo_model.recipe.pace import Pace
from services.transcriber.demo_model.recipe.tensor import Tensor
from services.transcriber.demo_model.recipe.tokens import Tokens
from services.transcriber.libraries import library

_torch: Any = library("torch")
_ops: Any = library("torch.nn.functional")

_log = logging.getLogger(__name__)
MODEL: Final = Path(__file__).parent.parent
FRAME_HEAD: Final = "frames"
"""A linear layer over the encoder that exists in training alone."""
GUIDED: Final = 0.3
FRAMES: Final = 0.3
BLUR: Final = 1.5
"""Standard deviation of what is expected around a time stamp, in steps of 20 ms."""
BLURRED: Final = 5
SAVE_EVERY: Final = 120.0
"""Seconds."""


def losses(weights: network.Weights, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Of the tokens, of where the decoder looks, of the words in the frames."""
    targets = _torch.from_numpy(batch.targets)
    asked = targets != IGNORED
    frame_head = [weights[f"{FRAME_HEAD}/{part}"] for part in ("weight", "bias")]
    weights = network.with_times(weights)
    with _torch.autocast("cpu", _torch.bfloat16):
        encoded = network.encode(weights, _torch.from_numpy(batch.features))
        frames = _ops.linear(encoded, *frame_head)
        decoded = network.decode(weights, encoded, _torch.from_numpy(batch.inputs))
        logits = network.logits(weights, decoded.states[asked])
    text = _text(logits.float(), targets[asked])
    guided = _guided(decoded.attention, _torch.from_numpy(batch.spans))
    weight = _torch.ones(WORDS)
    weight[0] = 0.3
    framed = _ops.cross_entropy(
        frames.float().flatten(0, 1), _torch.from_numpy(batch.labels).flatten(), weight
    )
    return text, guided, framed


def _text(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy; a time stamp's neighbors are nearly as good."""
    known = _torch.log_softmax(logits, -1)
    vocabulary = logits.shape[-1]
    first = vocabulary - network.MOMENTS
    steps = _torch.arange(-BLURRED, BLURRED + 1)
    near = (targets[:, None] + steps).clamp(first, vocabulary - 1)
    shares = _torch.softmax(-0.5 * (steps / BLUR) ** 2, 0)
    times = (known.gather(1, near) * shares).sum(-1)
    words = known.gather(1, targets[:, None])[:, 0]
    return -_torch.where(targets >= first, times, words).mean()


def _guided(attention: Tensor, spans: Tensor) -> Tensor:
    """How much of the attention is not where the word is: minus its logarithm."""
    asked = spans[..., 0] >= 0
    if not bool(asked.any()):
        return attention.sum() * 0
    row, place = asked.nonzero(as_tuple=True)
    looked = attention[row, :, place]  # words by heads by frames
    frame = _torch.arange(attention.shape[-1])
    start, end = spans[row, place, 0, None] - 4, spans[row, place, 1, None] + 4
    inside = ((frame >= start) & (frame < end))[:, None]
    return -(looked * inside).sum(-1).clamp_min(1e-4).log().mean()


def feed(folder: Path, mix: Mix, seed: int, frames: int, out: "Queue[Batch]") -> None:
    """Make batches for ever: for a process of its own."""
    random = np.random.default_rng(seed)
    for batch in batches(bank.load(folder), Tokens(MODEL), mix, random, frames):
        out.put(batch)


def initial(start: Path | None, vocabulary: int, seed: int) -> network.Weights:
    """Weights of another model, or fresh ones."""
    weights = network.fresh(vocabulary, seed)
    if start is not None:
        known = deepened(read_weights(start / "model.bin"), network.ENCODER_LAYERS)
        shared = known.keys() & weights.keys()
        weights |= {name: _torch.from_numpy(known[name].copy()) for name in shared}
        weights |= network.times_of(weights)
    # Of nothing: what is known already is not disturbed while the head learns to listen.
    weights[f"{FRAME_HEAD}/weight"] = _torch.zeros(WORDS, network.WIDTH)
    weights[f"{FRAME_HEAD}/bias"] = _torch.zeros(WORDS)
    return weights


@dataclass
class State:
    """A training as it stands."""

    weights: network.Weights
    average: network.Weights
    optimizer: Optimizer
    step: int = 0
    seen: int = 0
    """Windows."""


def begin(run: Path, start: Path | None, vocabulary: int, seed: int) -> State:
    """Where a training was left, or at its beginning."""
    weights = initial(start, vocabulary, seed)
    trained = {n: w.requires_grad_() for n, w in weights.items() if n != network.FIXED}
    optimizer = Optimizer(trained)
    average = {name: weight.detach().clone() for name, weight in weights.items()}
    state = State(weights, average, optimizer)
    file = run / "state.pt"
    if file.exists():
        saved = cast(dict[str, Any], _torch.load(file, weights_only=True))
        with _torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved["weights"][name])
                average[name].copy_(saved["average"][name])
        optimizer.load_state_dict(saved["optimizer"])
        state.step, state.seen = saved["step"], saved["seen"]
    return state


def save(state: State, run: Path) -> None:
    """Write all that is needed to go on."""
    partial = run / "state.partial.pt"
    _torch.save(
        {
            "weights": {name: weight.detach() for name, weight in state.weights.items()},
            "average": state.average,
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
            "seen": state.seen,
        },
        partial,
    )
    partial.rename(run / "state.pt")
    averages = {
        name: weight.detach().numpy()
        for name, weight in network.with_times(state.average).items()
        if not name.startswith(FRAME_HEAD)
    }
    np.savez(run / "average.partial.npz", allow_pickle=False, **averages)
    (run / "average.partial.npz").rename(run / "average.npz")


def advance(state: State, batch: Batch, rate: float) -> tuple[float, float, float]:
    """Learn from a batch."""
    text, guided, framed = losses(state.weights, batch)
    state.optimizer.zero_grad()
    _torch.autograd.backward([text + GUIDED * guided + FRAMES * framed])
    names = [name for name, weight in state.weights.items() if weight.requires_grad]
    trained = [state.weights[name] for name in names]
    _torch.nn.utils.clip_grad_norm_(trained, 1.0)
    state.optimizer.step(rate)
    keep = min(0.999, (1 + state.step) / (10 + state.step))
    with _torch.no_grad():
        _torch._foreach_lerp_(
            [state.average[name] for name in names], [w.detach() for w in trained], 1 - keep
        )
    state.step += 1
    state.seen += len(batch.features)
    return float(text.detach()), float(guided.detach()), float(framed.detach())


def train(state: State, source: Iterator[Batch], pace: Pace, run: Path) -> None:
    """Learn until the schedule ends."""
    began = saved = told = time.monotonic()
    first = state.step
    sums = np.zeros(3)
    count = 0
    while (progress := pace.progress(state.step, time.monotonic() - began)) < 1:
        rate = pace.at(state.step - first, progress)
        sums += advance(state, next(source), rate)
        count += 1
        now = time.monotonic()
        if state.step % 50 == 0:
            _log.info(
                "step %d seen %d rate %.2e text %.3f guided %.3f frames %.3f %.2f s/step",
                *(state.step, state.seen, rate, *(sums / count), (now - told) / count),
            )
            sums[:], count, told = 0, 0, now
        if now - saved > SAVE_EVERY:
            save(state, run)
            saved = now
    save(state, run)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bank", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--from", dest="start", type=Path)
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--rate", type=float, default=1.3e-3)
    parser.add_argument("--flat", type=float, default=0.5)
    parser.add_argument("--several", type=float, default=0.0)
    parser.add_argument("--whole", type=float, default=0.0)
    parser.add_argument("--empty", type=float, default=0.0)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    run: Path = options.run
    run.mkdir(parents=True, exist_ok=True)
    _torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    state = begin(run, options.start, Tokens(MODEL).count, options.seed)
    context = get_context("spawn")
    queue: Queue[Batch] = context.Queue(8)
    mix = Mix(options.several, options.whole, options.empty)
    # A thread would take turns with what it feeds.
    maker = context.Process(
        target=feed,
        args=(options.bank, mix, options.seed + state.step, options.frames, queue),
        daemon=True,
    )
    maker.start()
    pace = Pace(options.rate, options.flat, options.steps, options.seconds)
    train(state, iter(queue.get, None), pace, run)


if __name__ == "__main__":
    main()
