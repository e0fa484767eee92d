from __future__ import annotations

import pytest

from rag.errors import UnreadableDocument
from rag.ingestion.readers.text import decode, read


def test_reads_plain_text_with_the_stem_as_title() -> None:
    document = read("notes/My file.txt", b"one\r\ntwo\rthree")
    assert (document.id, document.title, document.text, document.format) == (
        "notes/My file.txt",
        "My file",
        "one\ntwo\nthree",
        "text",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_decodes_unicode(encoding: str) -> None:
    assert decode("Grüße 日本 😀".encode(encoding)) == "Grüße 日本 😀"


def test_decodes_big_endian_utf_16_by_its_mark() -> None:
    assert decode(b"\xfe\xff" + "naïve".encode("utf-16-be")) == "naïve"


def test_decodes_western_european_text() -> None:
    assert decode("Le café est “fermé”.".encode("cp1252")) == "Le café est “fermé”."


def test_decodes_what_the_file_declares() -> None:
    assert decode("Привет".encode("koi8-r"), "koi8-r") == "Привет"


@pytest.mark.parametrize(
    "data",
    [
        b"text with a \x00 in it",
        bytes(range(256)),
        b"\x89PNG\r\n\x1a\n\x0dIHDR",
        "Привет, мир".encode("cp1251"),
        "no byte order mark".encode("utf-16-le"),
        b"\xff\xfeodd",
        b"undefined \x81 in Windows-1252",
    ],
)
def test_refuses_what_is_no_text(data: bytes) -> None:
    with pytest.raises(UnreadableDocument):
        decode(data)


def test_refuses_what_the_declared_encoding_does_not_know() -> None:
    with pytest.raises(UnreadableDocument, match="shift_jis"):
        decode(b"\x85\xff\xff", "shift_jis")
