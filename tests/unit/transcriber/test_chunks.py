"""Where a recording is cut."""

from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.chunks import RATE, Span, plan_chunks
from services.transcriber.model_folder import Traits
from services.transcriber.plan import make_plan
from services.transcriber.speech import bridge_seams
from shared.messages import Options, Plan
from shared.settings import TranscriberSettings


def plan(longest: float = 8.0, *, join: bool = False, padding: float = 0.15) -> Plan:
    traits = Traits(longest_chunk=longest, join_pauses=join, padding=padding)
    return make_plan(Options(), TranscriberSettings(), "m", traits)


def seconds(*spans: tuple[float, float]) -> list[Span]:
    return [Span(round(a * RATE), round(b * RATE)) for a, b in spans]


@st.composite
def speeches(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Utterances and the pauses around them, as a detector gives them; and the total."""
    at = 0
    spans: list[Span] = []
    for pause, length in draw(st.lists(st.tuples(st.integers(1, 90_000), st.integers(1, 900_000)))):
        spans.append(Span(at + pause, at + pause + length))
        at += pause + length
    return spans, at + draw(st.integers(0, 90_000))


plans = st.builds(
    plan,
    longest=st.floats(0.5, 30.0),
    join=st.booleans(),
    padding=st.floats(0.0, 3.0),
)


@given(speeches(), plans)
def test_chunks_are_ordered_short_enough_and_hold_all_speech(
    speech: tuple[list[Span], int], plan: Plan
) -> None:
    spans, total = speech
    chunks = plan_chunks(spans, total, plan)
    at = 0
    for chunk in chunks:
        assert at <= chunk.start < chunk.end <= total
        assert chunk.length <= round(plan.longest_chunk * RATE)
        at = chunk.end
    for span in spans:
        covered = sum(max(0, min(span.end, c.end) - max(span.start, c.start)) for c in chunks)
        assert covered == span.length


@given(speeches(), plans)
def test_the_same_audio_and_plan_give_the_same_chunks(
    speech: tuple[list[Span], int], plan: Plan
) -> None:
    assert plan_chunks(*speech, plan) == plan_chunks(list(speech[0]), speech[1], plan)


def test_no_speech_gives_no_chunk() -> None:
    assert plan_chunks([], 16_000, plan()) == []


def test_each_utterance_is_a_chunk_with_padding() -> None:
    chunks = plan_chunks(seconds((1, 2), (4, 5)), 6 * RATE, plan())
    assert chunks == seconds((0.85, 2.15), (3.85, 5.15))


def test_padding_ends_in_the_middle_of_a_short_pause_and_at_the_recording() -> None:
    chunks = plan_chunks(seconds((0.1, 1), (1.2, 2)), 2 * RATE, plan())
    assert chunks == seconds((0, 1.1), (1.1, 2))


def test_utterances_are_joined_only_where_the_model_bears_it() -> None:
    speech = seconds((0, 2), (3, 5), (6, 9.5))
    assert len(plan_chunks(speech, 10 * RATE, plan())) == 3
    joined = plan_chunks(speech, 10 * RATE, plan(join=True, padding=0))
    assert joined == seconds((0, 5), (6, 9.5))


def test_speech_without_a_pause_is_cut_into_equal_parts() -> None:
    assert plan_chunks(seconds((0, 20)), 20 * RATE, plan(8)) == [
        Span(0, 106_666),
        Span(106_666, 213_333),
        Span(213_333, 320_000),
    ]


def test_what_only_a_seam_cut_is_put_together() -> None:
    spans = [Span(0, 90), Span(95, 100), Span(100, 120), Span(130, 140)]
    assert list(bridge_seams(spans, shortest_pause=8, block=100)) == [
        Span(0, 90),
        Span(95, 120),
        Span(130, 140),
    ]


def test_a_pause_at_a_seam_stays() -> None:
    spans = [Span(50, 95), Span(104, 120)]
    assert list(bridge_seams(spans, shortest_pause=8, block=100)) == spans
