from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import DependencyTimeout
from rag.retrieval import lexical
from rag.retrieval.analysis import Analyzer
from rag.retrieval.fields import PLAIN
from rag.retrieval.lexical import LocalLexicalIndex
from rag.types import Hit
from tests.contracts.lexical_index import CORPUS, LexicalIndexContract, in_order, search
from tests.support.changes import OTHER_TENANT, change, passage_id

HISTORY = in_order(
    *CORPUS,
    change("river", "The stream carries sand", lang="en", tags=["x"]),
    change("tower"),
    change("bread", "Water and flour", "Iron pans bake bread", title="Baking", year=2020),
    change("empty terms", "the of and"),
    change("bread", "Water everywhere", space=OTHER_TENANT),
)
QUERIES = ("water", "iron bread", "the river carries sand", "baking", "nobody")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lexical.db"


def opened(file: Path, pool: ThreadPoolExecutor) -> LocalLexicalIndex:
    return LocalLexicalIndex(file, Analyzer(), pool)


@pytest.fixture
async def index(file: Path, pool: ThreadPoolExecutor) -> AsyncIterator[LocalLexicalIndex]:
    index = opened(file, pool)
    yield index
    await index.aclose()


class TestLocalLexicalIndex(LexicalIndexContract):
    @pytest.fixture
    async def index(self, file: Path, pool: ThreadPoolExecutor) -> AsyncIterator[LocalLexicalIndex]:
        index = opened(file, pool)
        yield index
        await index.aclose()


async def test_of_passages_that_score_alike_the_oldest_come_first(index: LocalLexicalIndex) -> None:
    await index.apply(in_order(*(change(str(n), f"same words {n % 3}") for n in range(30))), timeout_s=10)
    whole = await search(index, "same words 1")
    for limit in (1, 5, 12, 29):
        assert await search(index, "same words 1", limit=limit) == whole[:limit]
    best = [passage_id(str(n), "same words 1") for n in range(1, 30, 3)]
    assert [hit.passage_id for hit in whole[:10]] == best


async def results(index: LocalLexicalIndex) -> list[list[Hit]]:
    here = [await search(index, query) for query in QUERIES]
    there = [await search(index, query, OTHER_TENANT) for query in QUERIES]
    filtered = [
        await search(index, "sand water", filters={"lang": "en"}),
        await search(index, "iron", filters={"year": 2020}),
    ]
    return here + there + filtered


async def test_a_reopened_index_finds_the_same(file: Path, pool: ThreadPoolExecutor) -> None:
    first = opened(file, pool)
    for each in HISTORY:
        await first.apply([each], timeout_s=10)
    expected = await results(first)
    assert sum(map(len, expected)) == 10
    await first.aclose()
    second = opened(file, pool)
    assert second.position == len(HISTORY)
    assert await results(second) == expected
    await second.aclose()


async def test_a_reopened_index_goes_on(index: LocalLexicalIndex, file: Path, pool: ThreadPoolExecutor) -> None:
    await index.apply(HISTORY[:4], timeout_s=10)
    await index.aclose()
    again = opened(file, pool)
    await again.apply(HISTORY, timeout_s=10)
    whole = LocalLexicalIndex(file.with_name("whole.db"), Analyzer(), pool)
    await whole.apply(HISTORY, timeout_s=10)
    assert await results(again) == await results(whole)
    await again.aclose()
    await whole.aclose()


def spoil_header(file: Path) -> None:
    file.write_bytes(b"this is no database at all" * 400)


def spoil_pages(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def change_rows(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def spoil_ids(file: Path) -> None:
    change_rows(file, "UPDATE entries SET passage_ids = X'00112233'")


def spoil_keywords(file: Path) -> None:
    change_rows(file, "UPDATE entries SET keywords = X'0011'")


def spoil_encoding(file: Path) -> None:
    change_rows(file, "UPDATE entries SET document_id = CAST(X'ff' || seq AS TEXT)")


def spoil_space(file: Path) -> None:
    change_rows(file, "UPDATE entries SET collection = '//'")


def spoil_arrays(file: Path) -> None:
    change_rows(file, "UPDATE entries SET terms = X'0011'")


def drop_column(file: Path) -> None:
    change_rows(file, "ALTER TABLE entries DROP COLUMN sizes")


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_header,
        spoil_pages,
        truncate,
        spoil_ids,
        spoil_keywords,
        spoil_encoding,
        spoil_space,
        spoil_arrays,
        drop_column,
    ],
)
async def test_a_damaged_file_is_made_anew_from_the_log(
    file: Path, pool: ThreadPoolExecutor, spoil: Callable[[Path], None]
) -> None:
    first = opened(file, pool)
    await first.apply(HISTORY, timeout_s=10)
    expected = await results(first)
    await first.aclose()
    spoil(file)
    for _ in range(2):
        index = opened(file, pool)
        assert index.position in {0, len(HISTORY)}
        await index.apply(HISTORY, timeout_s=10)
        assert await results(index) == expected
        await index.aclose()


async def test_a_change_that_could_not_be_kept_is_not_taken_in(index: LocalLexicalIndex, file: Path) -> None:
    await index.apply(HISTORY[:3], timeout_s=10)
    before = await results(index)
    writer = sqlite3.connect(file)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(DependencyTimeout):
        await index.apply(HISTORY[3:], timeout_s=0.05)
    assert index.position == 3
    assert await results(index) == before
    writer.rollback()
    writer.close()
    await index.apply(HISTORY, timeout_s=10)
    assert index.position == len(HISTORY)
    assert await results(index) != before


async def test_a_file_that_is_ahead_of_the_log_is_made_anew(file: Path, pool: ThreadPoolExecutor) -> None:
    first = opened(file, pool)
    await first.apply(HISTORY, timeout_s=10)
    await first.aclose()
    restored = LocalLexicalIndex(file, Analyzer(), pool, newest=2)
    assert restored.position == 0
    await restored.apply(HISTORY[:2], timeout_s=10)
    await restored.apply([replace(change, seq=3) for change in HISTORY[-1:]], timeout_s=10)
    assert restored.position == 3
    await restored.aclose()


async def test_a_file_of_another_version_is_made_anew(
    file: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened(file, pool)
    await index.apply(HISTORY, timeout_s=10)
    expected = await results(index)
    await index.aclose()
    german = LocalLexicalIndex(file, Analyzer("german"), pool)
    assert german.position == 0
    await german.apply(HISTORY, timeout_s=10)
    await german.aclose()
    again = opened(file, pool)
    assert again.position == 0
    await again.apply(HISTORY, timeout_s=10)
    assert await results(again) == expected
    await again.aclose()
    monkeypatch.setattr(lexical, "FORMAT", lexical.FORMAT + 1)
    other = opened(file, pool)
    assert other.position == 0
    await other.aclose()


async def test_a_file_of_a_release_that_kept_no_version_is_made_anew(file: Path, pool: ThreadPoolExecutor) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bags(seq INTEGER PRIMARY KEY)")
    index = opened(file, pool)
    await index.apply(HISTORY, timeout_s=10)
    assert index.position == len(HISTORY)
    await index.aclose()


async def test_the_file_serves_other_weights_too(file: Path, pool: ThreadPoolExecutor) -> None:
    index = opened(file, pool)
    await index.apply(HISTORY, timeout_s=10)
    fields = await results(index)
    await index.aclose()
    plain = LocalLexicalIndex(file, Analyzer(), pool, weights=PLAIN)
    assert plain.position == len(HISTORY)
    found = await results(plain)
    assert found != fields
    assert [{hit.passage_id for hit in hits} for hits in found] == [{hit.passage_id for hit in hits} for hits in fields]
    await plain.aclose()
