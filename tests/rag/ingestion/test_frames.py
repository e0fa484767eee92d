from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest

from rag.errors import InvalidRequest
from rag.ingestion import frames
from rag.types import Document


async def test_messages_come_back_in_order() -> None:
    stream = asyncio.StreamReader()
    messages = [(1, Document("a", "ü" * 100_000), None), {"x": [1.5, True]}, ()]
    stream.feed_data(b"".join(map(frames.frame, messages)))
    assert [await frames.read(stream) for _ in messages] == messages


async def test_vectors_and_errors_travel_whole() -> None:
    stream = asyncio.StreamReader()
    vectors = np.arange(12, dtype=np.float32).reshape(3, 4)
    stream.feed_data(frames.frame((vectors, InvalidRequest("it is odd", param="documents"))))
    found, error = await frames.read(stream)
    assert np.array_equal(found, vectors)
    assert (type(error), error.message, error.param) == (InvalidRequest, "it is odd", "documents")


@pytest.mark.parametrize("length", [0, 5, 12])
async def test_a_message_that_is_cut_off_is_the_end(length: int) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(frames.frame("hello")[:length])
    stream.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await frames.read(stream)


@pytest.mark.parametrize("length", [0, 5, 12])
def test_whoever_blocks_reads_the_same(length: int) -> None:
    message = frames.frame("hello")
    stream = io.BytesIO(message + message[:length])
    assert frames.receive(stream) == "hello"
    with pytest.raises(EOFError):
        frames.receive(stream)
