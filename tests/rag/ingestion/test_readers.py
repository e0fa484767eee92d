from __future__ import annotations

import subprocess
import sys

import pytest

from rag.errors import UnreadableDocument
from rag.ingestion.readers import READERS, parse_bytes, reader_for


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.md", "markdown"), ("A.MARKDOWN", "markdown"), ("a.txt", "text"), ("a.text", "text"), ("a.rst", "text")],
)
def test_the_suffix_picks_the_reader(name: str, kind: str) -> None:
    document = parse_bytes(f"dir/{name}", b"some text")
    assert (document.id, document.format, document.text) == (f"dir/{name}", kind, "some text")


@pytest.mark.parametrize("name", ["a", "a.json", "a.docx", ".md", "a.md/b"])
def test_no_reader(name: str) -> None:
    with pytest.raises(UnreadableDocument, match="no reader"):
        reader_for(name)


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_a_file_without_text_is_refused(name: str) -> None:
    with pytest.raises(UnreadableDocument, match="no text"):
        parse_bytes(name, b" \n\n")


def test_extras_are_not_imported_before_they_are_needed() -> None:
    code = (
        "import sys, rag.ingestion.sources, rag.ingestion.chunking; print({'pypdf', 'selectolax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert ".html" in READERS
    assert ".pdf" in READERS
