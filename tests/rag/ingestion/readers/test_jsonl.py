from __future__ import annotations

from io import BytesIO

import orjson
import pytest

from rag.errors import UnreadableDocument
from rag.ingestion.readers.jsonl import BadLine, count_records, parse_line, read_lines
from rag.types import Document


def test_reads_every_field() -> None:
    record = {
        "_id": "a",
        "title": "T",
        "text": " body ",
        "metadata": {"year": 2020, "ok": True, "score": 0.5, "tags": ["x", 1], "none": None},
        "url": "https://example.org",
        "format": "markdown",
        "unknown": {},
    }
    metadata = {"year": 2020, "ok": True, "score": 0.5, "tags": ["x", 1]}
    expected = Document("a", " body ", "T", "markdown", "https://example.org", metadata)
    assert parse_line(orjson.dumps(record)) == expected


def test_a_number_is_an_id_and_the_rest_may_be_missing() -> None:
    assert parse_line('{"_id": 7, "text": "x", "title": null}') == Document("7", "x")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        (b'"\xff"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"text": "x"}', "_id"),
        ('{"_id": " ", "text": "x"}', "_id"),
        ('{"_id": true, "text": "x"}', "_id"),
        ('{"_id": "a"}', "text is missing or blank"),
        ('{"_id": "a", "text": " \\n"}', "text is missing or blank"),
        ('{"_id": "a", "text": 5}', "text is not a string"),
        ('{"_id": "a", "text": "x", "title": []}', "title is not a string"),
        ('{"_id": "a", "text": "x", "format": "pdf"}', "format"),
        ('{"_id": "a", "text": "x", "metadata": []}', "metadata is not an object"),
        ('{"_id": "a", "text": "x", "metadata": {"k": {"n": 1}}}', "metadata.k"),
        ('{"_id": "a", "text": "x", "metadata": {"k": [[1]]}}', "metadata.k"),
        ('{"_id": "a", "text": "x", "metadata": {"k": [null]}}', "metadata.k"),
    ],
)
def test_refuses_what_is_no_document(line: bytes | str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse_line(line)


def test_a_bad_line_does_not_stop_the_others() -> None:
    stream = BytesIO(b'\xef\xbb\xbf{"_id": 1, "text": "a"}\r\n\n{"_id":\n{"_id": 2, "text": "b"}')
    first, bad, last = read_lines(stream, 100)
    assert (first, last) == (Document("1", "a"), Document("2", "b"))
    assert isinstance(bad, BadLine)
    assert bad.number == 3


def test_a_line_over_the_limit_is_skipped_in_bounded_memory() -> None:
    line = b'{"_id": 1, "text": "a"}'
    asked: list[int] = []

    class Stream(BytesIO):
        def readline(self, size: int = -1, /) -> bytes:  # type: ignore[override]
            asked.append(size)
            return super().readline(size)

    stream = Stream(line + b"\r\n" + b"x" * 5_000_000 + b"\n" + line + b"\n" + line + b" \n")
    assert list(read_lines(stream, len(line))) == [
        Document("1", "a"),
        BadLine(2, "longer than 23 bytes"),
        Document("1", "a"),
        BadLine(4, "longer than 23 bytes"),
    ]
    assert 0 < min(asked) <= max(asked) <= 1 << 20


def test_counting_gives_what_reading_gives() -> None:
    lines = b'{"_id": 1, "text": "x"}\n\n  \noops\n' + b"y" * 100
    assert count_records(BytesIO(lines), 30) == len(list(read_lines(BytesIO(lines), 30))) == 3
