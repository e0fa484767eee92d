from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.backends.sse import MAX_EVENT_CHARS, parse_sse


async def chunked(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def parse(*chunks: bytes) -> list[str]:
    async def run() -> list[str]:
        return [event async for event in parse_sse(chunked(chunks))]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: one\ndata: two\ndata\n\n", ["one\ntwo\n"]),
        (b"data:bare\n\ndata:  two spaces\n\n", ["bare", " two spaces"]),
        (b": ping\n\nevent: error\nid: 7\nretry: 5\ndata: x\n\n", ["x"]),
        (b"data:\n\n", [""]),
        (b"event: nothing\n\n\n\n", []),
        (b"datum: no\n\n", []),
        (b"\xef\xbb\xbfdata: after the byte order mark\n\n", ["after the byte order mark"]),
        (b"data: whole\n\ndata: cut off\n", ["whole"]),
        (b"data: whole\n\ndata: cut o", ["whole"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        ("data: a\u2028b\x0bc\x85\n\n".encode(), ["a\u2028b\x0bc\x85"]),
        (b"", []),
    ],
)
def test_events_of_a_stream(stream: bytes, events: list[str]) -> None:
    assert parse(stream) == events
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == events


def cut(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


line = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"))


@given(
    events=st.lists(st.lists(line, min_size=1, max_size=3), max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    comment=st.booleans(),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_where_the_stream_is_cut_does_not_matter(
    events: list[list[str]], end: str, comment: bool, cuts: list[int]
) -> None:
    stream = "".join(
        (f": keep-alive{end}" if comment else "") + "".join(f"data: {line}{end}" for line in lines) + end
        for lines in events
    ).encode()
    assert parse(*cut(stream, cuts)) == ["\n".join(lines) for lines in events]


@pytest.mark.parametrize("line_of", [b"x" * 1_000_000, b"data: " + b"x" * 1_000_000 + b"\n"])
def test_a_server_that_never_ends_an_event_cannot_fill_the_memory(line_of: bytes) -> None:
    with pytest.raises(ValueError, match=str(MAX_EVENT_CHARS)):
        parse(*([line_of] * 6))


async def test_an_event_is_given_out_before_the_next_bytes_are_asked_for() -> None:
    more = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await more.wait()
        yield b"data: second\n\n"

    events = parse_sse(source())
    assert await anext(events) == "first"
    more.set()
    assert [event async for event in events] == ["second"]
