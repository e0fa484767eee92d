from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import pytest

from rag.errors import ConfigError, InvalidRequest, PayloadTooLarge, UnreadableDocument
from rag.ingestion.apart import Apart
from rag.ingestion.sources import STDIN, BadFile, document_id, documents, expand, read, received
from rag.types import Document

LINE = b'{"_id": %d, "text": "x"}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a few files."""
    monkeypatch.chdir(tmp_path)
    for name in ("docs/b.md", "docs/a.txt", "docs/sub/c.rst", "docs/.hidden.md", "docs/.git/d.md", "docs/image.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"text of {name}")
    return tmp_path


def test_a_folder_gives_its_readable_files_in_order(here: Path) -> None:
    assert [path.as_posix() for path in expand(["docs"])] == ["docs/a.txt", "docs/b.md", "docs/sub/c.rst"]


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["docs/*"], ["docs/a.txt", "docs/b.md", "docs/sub/c.rst"]),
        (["docs/**/*.rst"], ["docs/sub/c.rst"]),
        (["docs/b.md", "docs", "docs/../docs/a.txt"], ["docs/b.md", "docs/a.txt", "docs/sub/c.rst"]),
        (["docs/image.png", "docs/.hidden.md"], ["docs/image.png", "docs/.hidden.md"]),
        (["-", "docs/b.md"], ["-", "docs/b.md"]),
        ([], []),
    ],
)
def test_expand(here: Path, paths: list[str], found: list[str]) -> None:
    assert [path.as_posix() for path in expand(paths)] == found


@pytest.mark.parametrize("missing", ["nowhere.md", "docs/*.pdf", "docs/*.png", "nul\0.md"])
def test_a_path_that_leads_nowhere_is_refused_before_anything_is_read(here: Path, missing: str) -> None:
    with pytest.raises(InvalidRequest, match="no such file"):
        expand(["docs", missing])


def test_a_name_with_glob_characters_is_a_name_first(here: Path) -> None:
    Path("a[1].md").write_text("x")
    assert list(expand(["a[1].md"])) == [Path("a[1].md")]


def test_links_in_a_circle_end(here: Path) -> None:
    os.symlink(here / "docs", here / "docs" / "again")
    os.symlink("loop.md", here / "docs" / "loop.md")
    bad = [found for found in documents(["docs"]) if isinstance(found, BadFile)]
    assert [found.source for found in bad] == ["docs/loop.md"]


def test_ids_are_paths_from_here_or_from_the_root(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert document_id(here / "docs" / "a.txt") == "docs/a.txt"
    assert document_id(Path("docs/../docs/a.txt")) == "docs/a.txt"
    monkeypatch.chdir(here / "docs" / "sub")
    assert document_id(Path("../a.txt")) == (here / "docs/a.txt").as_posix()


def test_an_id_is_text_even_when_the_name_is_not(here: Path) -> None:
    assert document_id(Path(os.fsdecode(b"docs/\xff.txt"))) == "docs/\\udcff.txt"


def test_documents_reports_the_broken_and_goes_on(here: Path) -> None:
    pytest.importorskip("pypdf")
    (here / "docs/b.md").write_bytes(b"binary \x00 junk")
    (here / "docs/broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (here / "docs/corpus.jsonl").write_bytes(LINE % 1 + b"oops\n" + LINE % 2)
    (here / "docs/wide.txt").write_bytes("wide".encode("utf-16"))
    found = list(documents(["docs"]))
    assert [each.id for each in found if isinstance(each, Document)] == [
        "docs/a.txt",
        "1",
        "2",
        "docs/wide.txt",
        "docs/sub/c.rst",
    ]
    assert [each.source for each in found if isinstance(each, BadFile)] == [
        "docs/b.md",
        "docs/broken.pdf",
        "docs/corpus.jsonl:2",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("docs/image.png", "no reader for .png"), ("docs/gone.md", "No such file"), ("docs", "not a file")],
)
def test_what_cannot_be_read_has_a_reason(here: Path, name: str, reason: str) -> None:
    (bad,) = read(Path(name))
    assert isinstance(bad, BadFile)
    assert bad.source == name
    assert reason in bad.reason


def test_a_folder_that_cannot_be_listed_is_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if os.path.basename(path) == "sub":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [each.source for each in documents(["docs"]) if isinstance(each, BadFile)] == ["docs/sub"]


def test_a_file_over_the_limit_is_bad_and_json_lines_of_any_length_are_not(here: Path) -> None:
    Path("exact.txt").write_bytes(b"x" * 30)
    Path("large.txt").write_bytes(b"x" * 31)
    Path("long.jsonl").write_bytes(b"".join(LINE % number for number in range(100)))
    found = list(documents(["exact.txt", "large.txt", "long.jsonl"], max_bytes=30))
    assert [each for each in found if isinstance(each, BadFile)] == [BadFile("large.txt", "larger than 30 bytes")]
    assert len(found) == 102


def test_compressed_json_lines(here: Path) -> None:
    with gzip.open("corpus.jsonl.gz", "wb") as file:
        file.write(LINE % 1 + b'{"_id": 2, "text": "' + b"y" * 1000 + b'"}\n' + LINE % 3)
    first, bad, last = read(Path("corpus.jsonl.gz"), max_bytes=100)
    assert (first, last) == (Document("1", "x"), Document("3", "x"))
    assert bad == BadFile("corpus.jsonl.gz:2", "longer than 100 bytes")


@pytest.mark.parametrize("damage", ["cut", "garbled", "plain"])
def test_a_broken_archive_is_reported_after_what_could_be_read(here: Path, damage: str) -> None:
    whole = gzip.compress(b"".join(LINE % number for number in range(50_000)))
    middle = len(whole) // 2
    data = {"cut": whole[:middle], "garbled": whole[:middle] + bytes(64) + whole[middle + 64 :], "plain": LINE % 1}
    Path("corpus.jsonl.gz").write_bytes(data[damage])
    *_, last = read(Path("corpus.jsonl.gz"))
    assert isinstance(last, BadFile)
    assert last.source == "corpus.jsonl.gz"


def test_standard_input(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("lines").write_bytes(LINE % 1 + b"oops")
    with Path("lines").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        document, bad = read(STDIN)
    assert document == Document("1", "x")
    assert isinstance(bad, BadFile)
    assert bad.source == "stdin:2"


def test_a_missing_library_ends_the_reading(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    Path("a.pdf").write_bytes(b"%PDF")
    with pytest.raises(ConfigError, match="pypdf"):
        list(read(Path("a.pdf")))


SENT = b'{"_id": "a", "text": "Words."}\n'


@pytest.mark.parametrize(
    ("name", "data", "ids"),
    [
        ("notes.TXT", b"Words.", ["notes.TXT"]),
        ("a.jsonl", SENT + b"\n" + SENT.replace(b'"a"', b"7"), ["a", "7"]),
        ("a.JSONL.GZ", gzip.compress(SENT), ["a"]),
    ],
)
def test_what_was_sent_is_read_as_a_file_is(name: str, data: bytes, ids: list[str]) -> None:
    assert [document.id for document in received(name, data, 1_000)] == ids


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", b"MZ", "no reader for .exe"),
        ("a.jsonl", SENT + b"{}\n", "a.jsonl:2: text is missing"),
        ("a.jsonl", b"\n", "a.jsonl: it holds no document"),
        ("a.jsonl.gz", b"not packed", "a.jsonl.gz: Not a gzipped file"),
        ("a.jsonl.gz", gzip.compress(SENT)[:-9], "a.jsonl.gz: Compressed file ended"),
    ],
)
def test_what_was_sent_is_taken_whole_or_not_at_all(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        received(name, data, 1_000)


def test_what_was_sent_does_not_swell() -> None:
    with pytest.raises(PayloadTooLarge, match="holds more than 1,000 bytes"):
        received("a.jsonl.gz", gzip.compress(SENT * 100), 1_000)


def test_what_was_sent_holds_no_more_documents_than_may_come() -> None:
    assert len(received("a.jsonl", SENT * 2, 1_000, most=2)) == 2
    with pytest.raises(PayloadTooLarge, match="more documents than the 2"):
        received("a.jsonl", SENT * 3, 1_000, most=2)


def test_documents_are_read_apart_and_the_reader_is_closed(here: Path) -> None:
    pytest.importorskip("selectolax")
    Path("page.html").write_text("<title>Page</title><p>Marked words.")
    apart = Apart()
    found = documents(["page.html", "docs/b.md"], apart=apart)
    assert next(found) == Document("page.html", "Marked words.", "Page", "markdown")
    assert apart.pid is not None
    assert [document.id for document in found] == ["docs/b.md"]
    assert apart.pid is None
