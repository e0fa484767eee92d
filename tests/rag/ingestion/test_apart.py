"""In real processes: what bounds them is the operating system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.errors import ShuttingDown, UnreadableDocument
from rag.ingestion.apart import Apart
from rag.ingestion.readers import parse_bytes

pytest.importorskip("selectolax")

PAGE = b"<title>Page</title><p>Marked words."
#: Elements in elements: the parser looks through all of those around each, an hour long.
SLOW = b"<div>" * 2_000_000
#: Each paragraph opens again every mark that was left open: 39 KB ask for 4 GB.
SWELLING = ("<p>" + "".join(f"<b a={number}>" for number in range(3_000)) + "</p>" + "<p>x" * 3_000).encode()


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart(cpu_s=3, memory_bytes=256 << 20) as apart:
        yield apart


def test_reads_as_the_reader_does_and_one_process_reads_many(apart: Apart) -> None:
    pids = set()
    for name in ("a.html", "b.HTM"):
        assert apart.parse(name, PAGE) == parse_bytes(name, PAGE)
        pids.add(apart.pid)
    assert len(pids - {None, os.getpid()}) == 1


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("slow.html", SLOW, "takes more than 3 s of processor time"),
        ("swelling.html", SWELLING, "more than the memory allowed"),
        ("blank.html", b"<p>", "it holds no text"),
        ("broken.pdf", b"%PDF", "broken PDF"),
        ("a.exe", b"", "no reader for .exe"),
    ],
)
def test_a_bad_file_costs_nothing_but_itself(apart: Apart, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        apart.parse(name, data)
    assert apart.parse("good.html", PAGE).text == "Marked words."


def test_a_reader_that_was_killed_is_told_of_and_started_again(apart: Apart) -> None:
    apart.parse("good.html", PAGE)
    assert apart.pid is not None
    os.kill(apart.pid, 9)
    with pytest.raises(UnreadableDocument, match="status -9"):
        apart.parse("a.html", PAGE)
    assert apart.parse("a.html", PAGE).title == "Page"


def test_what_is_read_in_time_needs_no_process_and_the_end_leaves_none() -> None:
    with Apart() as apart:
        assert apart.parse("a.md", b"# Title\n\nWords.").title == "Title"
        assert apart.pid is None
        apart.parse("a.html", PAGE)
    assert apart.pid is None
    with pytest.raises(ShuttingDown):
        apart.parse("a.html", PAGE)


def test_closing_ends_what_is_being_read() -> None:
    apart = Apart()
    apart.parse("a.html", PAGE)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(apart.parse, "slow.html", SLOW)
        apart.close()
        with pytest.raises(ShuttingDown):
            reading.result()
