from __future__ import annotations

import sys
from io import BytesIO

import pytest

from rag.errors import ConfigError, UnreadableDocument
from rag.ingestion.readers import pdf
from rag.ingestion.readers.pdf import paragraphs, read

pypdf = pytest.importorskip("pypdf")


def a_pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    """A PDF with the lines of each page as Helvetica text, by hand: pypdf writes no text."""
    writer = pypdf.PdfWriter()
    for lines in pages:
        page = writer.add_blank_page(600, 800)
        font = pypdf.generic.DictionaryObject(
            {name(k): name(v) for k, v in {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}.items()}
        )
        page[name("/Resources")] = pypdf.generic.DictionaryObject(
            {name("/Font"): pypdf.generic.DictionaryObject({name("/F1"): font})}
        )
        shown = "".join(f"({line}) Tj T*\n" for line in lines.split("\n"))
        stream = pypdf.generic.DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 14 TL 50 700 Td\n{shown}ET".encode("latin-1"))
        page[name("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def name(value: str) -> object:
    return pypdf.generic.NameObject(value)


def test_reads_pages_as_paragraphs() -> None:
    first = "The first line of a para-\ngraph ends.\nHere begins another one."
    document = read("papers/x.pdf", a_pdf(first, "Second page.", title="The  title"))
    assert document.text == "The first line of a paragraph ends.\n\nHere begins another one.\n\nSecond page."
    assert (document.id, document.title, document.format) == ("papers/x.pdf", "The title", "text")


def test_the_stem_is_the_title_of_a_file_without_one() -> None:
    assert read("papers/x.pdf", a_pdf("text")).title == "x"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        (
            "A line as long as any on the page\nand its end.\nAnother paragraph here.",
            "A line as long as any on the page and its end.\n\nAnother paragraph here.",
        ),
        (
            "Heading\nThe text below it, which is a good deal longer.",
            "Heading\n\nThe text below it, which is a good deal longer.",
        ),
        ("one and the same\n\nafter a blank line", "one and the same\n\nafter a blank line"),
        (
            "Things of importance:\n• one thing of note\n• two things of note",
            "Things of importance:\n\n• one thing of note\n\n• two things of note",
        ),
        ("the eﬀect of ﬁre", "the effect of fire"),
        ("a long-\nterm plan", "a longterm plan"),
        ("the Baden-\nBaden line", "the Baden-Baden line"),
        ("2.4 Notes . . . . . . . . 4", "2.4 Notes … 4"),
        ("soft\u00ad\nware", "software"),
        ("a range of 10-\n20 items", "a range of 10- 20 items"),
    ],
)
def test_paragraphs(page: str, text: str) -> None:
    assert paragraphs(page) == text


def test_refuses_an_encrypted_file() -> None:
    with pytest.raises(UnreadableDocument, match="encrypted"):
        read("x.pdf", a_pdf("secret", password="pass"))


@pytest.mark.parametrize(
    "data", [b"", b"not a pdf", b"%PDF-1.7\n", a_pdf("text")[:300], b"%PDF-1.4\n" + bytes(range(256)) * 9]
)
def test_refuses_a_broken_file(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="broken PDF"):
        read("x.pdf", data)


@pytest.mark.parametrize(("limit", "reason"), [("MAX_PAGES", "2 pages"), ("MAX_CHARS", "characters")])
def test_refuses_what_is_too_large(limit: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, limit, 1)
    with pytest.raises(UnreadableDocument, match=reason):
        read("x.pdf", a_pdf("some text", "more"))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[documents\]'"):
        read("x.pdf", b"")


def test_a_paragraph_of_many_lines_takes_no_longer_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    class Counting:
        def search(self, text: str) -> object:
            searched.append(len(text))
            return None

    monkeypatch.setattr(pdf, "_HYPHEN", Counting())
    assert paragraphs("\n".join(["a line"] * 1_000)) == " ".join(["a line"] * 1_000)
    assert max(searched) == len("a line")
