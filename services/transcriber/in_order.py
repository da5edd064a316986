"""The chunks of one recording, decoded ahead and given one after another."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator

from services.transcriber.batcher import Batcher, Line
from services.transcriber.chunk import Spoken
from services.transcriber.patience import Patience, Stopped


async def in_order(
    numbers: Iterator[int],
    recognise: Callable[[int], Coroutine[object, object, list[Spoken]]],
    line: Line,
    batcher: Batcher,
    patience: Patience,
    allowance: float,
) -> AsyncGenerator[tuple[int, list[Spoken]]]:
    """The number of each chunk and what is said in it, in order.

    Once the process is told to end, those that the model has begun with may take `allowance`
    seconds more, and then Stopped is raised. Raises what `recognise` raises, after the chunks
    before.
    """
    ahead: deque[tuple[int, asyncio.Task[list[Spoken]]]] = deque()
    try:
        while True:
            while batcher.has_room(line) and (number := next(numbers, None)) is not None:
                ahead.append((number, asyncio.create_task(recognise(number))))
                line.handed_in = len(ahead)
            if not ahead:
                break
            number, task = ahead[0]
            spoken = await patience.finish(_wait(task), patience.left(allowance))
            ahead.popleft()
            line.handed_in = len(ahead)
            yield number, spoken
        if next(numbers, None) is not None:
            raise Stopped
    finally:
        line.handed_in = 0
        tasks = [task for _, task in ahead]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait(task: asyncio.Task[list[Spoken]]) -> list[Spoken]:
    return await task
