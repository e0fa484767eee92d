"""What every adapter of `rag.ports.DocumentLog` keeps; subclass it and give the fixture `log`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.errors import DependencyTimeout
from rag.ports import DocumentLog
from rag.types import Change
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, change


async def read(log: DocumentLog, after: int = 0, limit: int = 1_000) -> list[Change]:
    """A read with time enough."""
    return await log.read(after, limit, timeout_s=10)


async def append(log: DocumentLog, *changes: Change) -> list[Change]:
    """An append with time enough."""
    return await log.append(changes, timeout_s=10)


def names(changes: Sequence[Change]) -> list[str]:
    """Document ids in the order of the changes."""
    return [each.document_id for each in changes]


class DocumentLogContract:
    """The port's promises."""

    @pytest.fixture
    def log(self) -> DocumentLog:
        """The adapter under test, empty."""
        raise NotImplementedError

    async def test_an_empty_log_stands_at_the_beginning(self, log: DocumentLog) -> None:
        assert log.position == 0
        assert await read(log) == []
        assert await append(log) == []
        assert log.position == 0

    async def test_changes_come_back_as_they_went_in(self, log: DocumentLog) -> None:
        written = change("a", "one", "two", title="T", lang="en", year=1, flag=True, tags=["x", "y"])
        (stored,) = await append(log, written)
        assert stored.seq > 0
        assert replace(stored, seq=0, at=0) == written
        assert await read(log) == [stored]

    async def test_numbers_rise_strictly(self, log: DocumentLog) -> None:
        numbers = []
        for batch in (("a", "b"), ("a",), ("c", "a", "b"), ("b", "b")):
            numbers += [each.seq for each in await append(log, *(change(key, "text") for key in batch))]
            assert log.position == numbers[-1]
        assert numbers == sorted(set(numbers))

    async def test_appends_side_by_side_do_not_collide(self, log: DocumentLog) -> None:
        batches = await asyncio.gather(*(append(log, change(f"{n}a", "x"), change(f"{n}b", "y")) for n in range(10)))
        assert len({each.seq for batch in batches for each in batch}) == 20
        stored = await read(log)
        assert sorted(names(stored)) == sorted(f"{n}{part}" for n in range(10) for part in "ab")
        assert log.position == max(each.seq for each in stored)

    async def test_reading_goes_on_where_it_stopped(self, log: DocumentLog) -> None:
        await append(log, *(change(str(n), f"text {n}") for n in range(7)))
        first = await read(log, limit=3)
        rest = await read(log, after=first[-1].seq)
        assert names([*first, *rest]) == [str(n) for n in range(7)]
        assert await read(log, after=log.position) == []

    async def test_only_the_latest_change_of_a_document_is_kept(self, log: DocumentLog) -> None:
        await append(log, change("a", "first", "second"), change("b", "other"))
        await append(log, change("a", "second", "third"))
        kept = await read(log)
        assert names(kept) == ["b", "a"]
        assert [passage.text for passage in kept[1].passages] == ["second", "third"]
        assert [passage.ordinal for passage in kept[1].passages] == [0, 1]

    async def test_a_deletion_is_an_entry_like_others(self, log: DocumentLog) -> None:
        await append(log, change("a", "text"), change("b", "text"))
        (gone,) = await append(log, change("a"))
        kept = await read(log)
        assert names(kept) == ["b", "a"]
        assert kept[1] == gone
        assert gone.deleted
        assert not kept[0].deleted
        assert log.position == gone.seq

    async def test_a_deleted_document_can_come_back(self, log: DocumentLog) -> None:
        await append(log, change("a", "text"))
        await append(log, change("a"))
        (back,) = await append(log, change("a", "text"))
        assert await read(log) == [back]

    async def test_the_same_id_in_another_space_is_another_document(self, log: DocumentLog) -> None:
        spaces = (OTHER_TENANT, OTHER_COLLECTION)
        await append(log, *(change("a", "text", space=space) for space in spaces))
        await append(log, change("a", space=OTHER_TENANT))
        kept = await read(log)
        assert [(each.space, each.deleted) for each in kept] == [(OTHER_COLLECTION, False), (OTHER_TENANT, True)]

    async def test_no_time_is_a_timeout_and_nothing_is_stored(self, log: DocumentLog) -> None:
        await append(log, change("a", "text"))
        with pytest.raises(DependencyTimeout):
            await log.append([change("b", "text")], timeout_s=0)
        await append(log, change("c", "text"))
        assert names(await read(log)) == ["a", "c"]
