from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embedding.batching import INTERACTIVE_TEXTS, RUN_CHARS, RUN_TEXTS, BatchingEmbedder
from rag.embedding.onnx import OnnxModel
from rag.errors import DependencyFailed, DependencyTimeout, Overloaded, ShuttingDown
from rag.ports import EmbedderInfo, Vectors
from tests.contracts.embedder import EmbedderContract


class GatedModel:
    """Embeds a number as itself; while the gate is closed, a run waits before it ends.

    Attributes:
        runs: the texts of each run, in the order in which runs began.
    """

    info = EmbedderInfo("numbers", 1, 8)

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._began = threading.Semaphore(0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.runs.append(list(texts))
        self._began.release()
        assert self.gate.wait(10)
        if any("broken" in text for text in texts):
            raise ValueError("broken text")
        return np.array([[float(text or 0)] for text in texts], np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    async def began(self, runs: int = 1) -> None:
        """Wait until so many more runs have begun."""
        for _ in range(runs):
            assert await asyncio.to_thread(self._began.acquire, timeout=10)


@pytest.fixture
def gated() -> GatedModel:
    return GatedModel()


@pytest.fixture
async def embedder(gated: GatedModel) -> AsyncIterator[BatchingEmbedder]:
    """One worker: what waits is seen."""
    embedder = BatchingEmbedder(gated, workers=1, max_waiting=100)
    yield embedder
    gated.gate.set()
    await embedder.aclose()


def numbers(start: int, stop: int) -> list[str]:
    return [str(n) for n in range(start, stop)]


async def embed(embedder: BatchingEmbedder, texts: list[str], timeout_s: float = 10) -> list[float]:
    return (await embedder.embed(texts, timeout_s=timeout_s))[:, 0].tolist()  # type: ignore[no-any-return]


async def begin(embedder: BatchingEmbedder, texts: list[str]) -> asyncio.Task[list[float]]:
    """Start a call and let it enter the queue."""
    task = asyncio.create_task(embed(embedder, texts))
    await asyncio.sleep(0)
    return task


async def occupy(embedder: BatchingEmbedder, gated: GatedModel) -> asyncio.Task[list[float]]:
    """Make the worker busy with the text "0" until the gate opens."""
    gated.gate.clear()
    task = await begin(embedder, ["0"])
    await gated.began()
    return task


class TestBatchingEmbedder(EmbedderContract):
    """Over the real model: the int8 model quantises each run by what stands in it, so that company matters a little.

    Least cosine measured between a text's vectors alone and in company: 0.974 over 240 random texts of up to 60 words.
    """

    agreement = 0.96

    @pytest.fixture
    async def embedder(self, model: OnnxModel) -> AsyncIterator[BatchingEmbedder]:
        embedder = BatchingEmbedder(model, workers=2)
        yield embedder
        await embedder.aclose()


async def test_a_lone_call_runs_at_once(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    assert await embed(embedder, ["7"]) == [7]
    assert gated.runs == [["7"]]


async def test_calls_that_wait_together_run_together(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    first = await occupy(embedder, gated)
    waiting = [await begin(embedder, [str(n)]) for n in range(1, 6)]
    gated.gate.set()
    assert [await call for call in (first, *waiting)] == [[n] for n in range(6)]
    assert gated.runs == [["0"], numbers(1, 6)]


async def test_a_run_is_bounded_in_texts(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    await occupy(embedder, gated)
    waiting = [await begin(embedder, [str(n)]) for n in range(1, 2 * RUN_TEXTS + 2)]
    gated.gate.set()
    await asyncio.gather(*waiting)
    assert [len(run) for run in gated.runs[1:]] == [RUN_TEXTS, RUN_TEXTS, 1]


async def test_a_run_is_bounded_in_characters(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    await occupy(embedder, gated)
    half = "1".rjust(RUN_CHARS // 2)
    waiting = [await begin(embedder, [half]) for _ in range(5)]
    gated.gate.set()
    await asyncio.gather(*waiting)
    assert [len(run) for run in gated.runs[1:]] == [2, 2, 1]


async def test_a_call_is_shared_among_the_workers(gated: GatedModel) -> None:
    embedder = BatchingEmbedder(gated, workers=2)
    gated.gate.clear()
    call = await begin(embedder, ["1", "2", "3", "4"])
    await gated.began(2)
    assert all(len(run) <= 2 for run in gated.runs)
    gated.gate.set()
    assert await call == [1, 2, 3, 4]
    await embedder.aclose()


async def test_texts_of_similar_length_run_together(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    texts = [str(n).rjust(300 if n % 2 else 3) for n in range(8)]
    assert await embed(embedder, texts) == list(range(8))
    assert {len(text) for text in gated.runs[0][:4]} == {3}


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 999), max_size=40), min_size=1, max_size=12),
    st.integers(1, 3),
)
def test_rows_belong_to_their_texts(calls: list[list[int]], workers: int) -> None:
    async def main() -> None:
        embedder = BatchingEmbedder(GatedModel(), workers=workers)
        results = await asyncio.gather(*(embed(embedder, [str(n).rjust(n // 4) for n in call]) for call in calls))
        assert results == calls
        await embedder.aclose()

    asyncio.run(main())


async def test_small_calls_go_before_large_ones(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    await occupy(embedder, gated)
    bulk = await begin(embedder, numbers(100, 100 + INTERACTIVE_TEXTS + 1))
    small = await begin(embedder, ["1", "2"])
    gated.gate.set()
    assert await small == [1, 2]
    assert gated.runs[1] == ["1", "2"]
    assert await bulk == list(range(100, 100 + INTERACTIVE_TEXTS + 1))


async def test_a_full_queue_refuses_and_recovers(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    await occupy(embedder, gated)
    bulk = await begin(embedder, numbers(0, 99))
    with pytest.raises(Overloaded, match="99 texts wait"):
        await embed(embedder, numbers(0, 20))
    small = await begin(embedder, ["1"])  # those in front of a screen have a queue of their own
    gated.gate.set()
    assert await bulk == list(range(99))
    assert await small == [1]
    assert await embed(embedder, numbers(0, 20)) == list(range(20))


async def test_a_call_larger_than_the_bound_is_taken_while_nothing_waits(
    embedder: BatchingEmbedder, gated: GatedModel
) -> None:
    assert await embed(embedder, numbers(0, 250)) == list(range(250))
    assert max(map(len, gated.runs)) <= RUN_TEXTS


async def test_a_cancelled_call_is_dropped_from_the_queue(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    first = await occupy(embedder, gated)
    unwanted, wanted = await begin(embedder, ["1"]), await begin(embedder, ["2"])
    unwanted.cancel()
    await asyncio.gather(unwanted, return_exceptions=True)
    gated.gate.set()
    assert [await first, await wanted] == [[0], [2]]
    assert gated.runs == [["0"], ["2"]]


async def test_large_calls_go_on_when_all_small_ones_were_dropped(
    embedder: BatchingEmbedder, gated: GatedModel
) -> None:
    first = await occupy(embedder, gated)
    unwanted = await begin(embedder, ["1"])
    bulk = await begin(embedder, numbers(10, 40))
    unwanted.cancel()
    await asyncio.gather(unwanted, return_exceptions=True)
    gated.gate.set()
    assert await first == [0]
    assert await bulk == list(range(10, 40))


async def test_a_run_whose_callers_have_left_frees_its_worker(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    running = await occupy(embedder, gated)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    gated.gate.set()
    assert await embed(embedder, ["3"]) == [3]


async def test_a_failing_model_fails_those_in_the_run_only(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    first = await occupy(embedder, gated)
    affected = [await begin(embedder, [text]) for text in ["1", "broken", *numbers(2, RUN_TEXTS)]]
    spared = await begin(embedder, ["42"])
    gated.gate.set()
    for call in affected:
        with pytest.raises(DependencyFailed, match="embedding model failed: broken text"):
            await call
    assert [await first, await spared] == [[0], [42]]
    assert await embed(embedder, ["5"]) == [5]


async def test_a_call_of_several_runs_fails_when_one_of_them_does(
    embedder: BatchingEmbedder, gated: GatedModel
) -> None:
    with pytest.raises(DependencyFailed):
        await embed(embedder, [*numbers(0, 30), "broken"])
    assert await embed(embedder, ["5"]) == [5]


async def test_too_late_is_a_timeout(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    await occupy(embedder, gated)
    with pytest.raises(DependencyTimeout, match=r"longer than 0\.01 s"):
        await embed(embedder, ["1"], timeout_s=0.01)
    gated.gate.set()
    assert await embed(embedder, ["2"]) == [2]
    assert ["1"] not in gated.runs


async def test_closing_lets_runs_finish_and_refuses_what_waits(embedder: BatchingEmbedder, gated: GatedModel) -> None:
    running = await occupy(embedder, gated)
    small, bulk = await begin(embedder, ["1"]), await begin(embedder, numbers(0, 30))
    closing = asyncio.create_task(embedder.aclose())
    for waiting in (small, bulk):
        with pytest.raises(ShuttingDown):
            await waiting
    gated.gate.set()
    await closing
    assert await running == [0]
    assert gated.runs == [["0"]]
    with pytest.raises(ShuttingDown):
        await embed(embedder, ["1"])


def test_tokens_are_those_of_the_model(gated: GatedModel) -> None:
    assert BatchingEmbedder(gated, workers=1).count_tokens(["a", "bcd"]) == [1, 3]
