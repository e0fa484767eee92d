from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingestion import identity
from rag.ingestion.identity import document_digest, passage_id
from rag.types import Document, Space

SPACE = Space("acme", "docs")
DOCUMENT = Document("a.md", "text", "title", "markdown", "https://example.org", {"year": 2020, "tags": ["x"]})


def test_passage_ids_are_stable_uuids() -> None:
    # A literal, since ids outlive the process: another value here orphans every stored passage.
    assert passage_id(SPACE, DOCUMENT, "A > B", "text", 0) == "5f8ee415-98ff-325a-3b69-f80cf57c47c7"
    assert str(UUID(passage_id(SPACE, DOCUMENT, "", "", 1))) == passage_id(SPACE, DOCUMENT, "", "", 1)


TEXT = st.text(max_size=3)
NAME = st.sampled_from(["a", "aa", "b"])


@given(st.lists(st.tuples(NAME, NAME, TEXT, TEXT, TEXT, st.integers(0, 2)), min_size=2, max_size=2, unique=True))
def test_different_parts_give_different_passage_ids(parts: list[tuple[str, str, str, str, str, int]]) -> None:
    ids = {
        passage_id(Space(tenant, collection), Document(document_id, ""), *rest)
        for tenant, collection, document_id, *rest in parts
    }
    assert len(ids) == 2


@pytest.mark.parametrize("change", [{"title": "other"}, {"url": None}, {"metadata": {"year": 2021}}, {"id": "b.md"}])
def test_passage_ids_depend_on_what_the_indexes_keep(change: dict[str, object]) -> None:
    assert passage_id(SPACE, replace(DOCUMENT, **change), "", "x", 0) != passage_id(SPACE, DOCUMENT, "", "x", 0)


def test_passage_ids_do_not_depend_on_other_passages() -> None:
    assert passage_id(SPACE, replace(DOCUMENT, text="longer"), "", "x", 0) == passage_id(SPACE, DOCUMENT, "", "x", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "other"},
        {"title": "other"},
        {"format": "text"},
        {"url": None},
        {"metadata": {"year": 2021, "tags": ["x"]}},
    ],
)
def test_digest_depends_on_content(change: dict[str, object]) -> None:
    assert document_digest(replace(DOCUMENT, **change)) != document_digest(DOCUMENT)


def test_digest_ignores_the_id_and_the_order_of_the_metadata() -> None:
    same = replace(DOCUMENT, id="b.md", metadata={"tags": ["x"], "year": 2020})
    assert document_digest(same) == document_digest(DOCUMENT)
    assert len(bytes.fromhex(document_digest(DOCUMENT))) == 16


def test_digest_depends_on_the_cutting(monkeypatch: pytest.MonkeyPatch) -> None:
    before = document_digest(DOCUMENT)
    monkeypatch.setattr(identity, "CHUNKING_VERSION", identity.CHUNKING_VERSION + 1)
    assert document_digest(DOCUMENT) != before
