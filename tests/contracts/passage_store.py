"""What every adapter of `rag.ports.PassageStore` keeps; subclass it and give the fixtures `log` and `store`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.errors import DependencyTimeout
from rag.ports import DocumentLog, PassageStore
from rag.types import Change, Passage, Space
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE, change, passage_id


async def passages(store: PassageStore, *ids: str, space: Space = SPACE) -> dict[str, Passage]:
    """Passages, with time enough."""
    return await store.passages(space, ids, timeout_s=10)


async def documents(
    store: PassageStore, space: Space = SPACE, after: str | None = None, limit: int = 100
) -> list[Change]:
    """Documents, with time enough."""
    return await store.documents(space, after=after, limit=limit, timeout_s=10)


def names(changes: Sequence[Change]) -> list[str]:
    """Document ids."""
    return [each.document_id for each in changes]


class PassageStoreContract:
    """The port's promises."""

    @pytest.fixture
    def log(self) -> DocumentLog:
        """The log that the store describes, empty."""
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> PassageStore:
        """The adapter under test."""
        raise NotImplementedError

    async def test_passages_are_found_as_they_were_written(self, log: DocumentLog, store: PassageStore) -> None:
        written = change("a", "one", "two", title="T", lang="en", tags=["x"])
        await log.append([written], timeout_s=10)
        found = await passages(store, *(each.id for each in written.passages))
        assert found == {each.id: each for each in written.passages}

    async def test_what_was_never_written_does_not_exist(self, log: DocumentLog, store: PassageStore) -> None:
        await log.append([change("a", "one")], timeout_s=10)
        unknown = passage_id("a", "never written")
        assert list(await passages(store, unknown, passage_id("a", "one"))) == [passage_id("a", "one")]
        assert await passages(store) == {}
        assert await store.document(SPACE, "b", timeout_s=10) is None

    async def test_replaced_passages_do_not_exist(self, log: DocumentLog, store: PassageStore) -> None:
        await log.append([change("a", "one", "two")], timeout_s=10)
        await log.append([change("a", "two", "three")], timeout_s=10)
        found = await passages(store, *(passage_id("a", text) for text in ("one", "two", "three")))
        assert sorted(each.text for each in found.values()) == ["three", "two"]

    async def test_deleted_documents_do_not_exist(self, log: DocumentLog, store: PassageStore) -> None:
        await log.append([change("a", "one"), change("b", "two")], timeout_s=10)
        await log.append([change("a")], timeout_s=10)
        assert await passages(store, passage_id("a", "one")) == {}
        assert await store.document(SPACE, "a", timeout_s=10) is None
        assert names(await documents(store)) == ["b"]

    async def test_a_document_comes_with_its_passages(self, log: DocumentLog, store: PassageStore) -> None:
        (stored,) = await log.append([change("a", "one", "two", title="T", lang="en")], timeout_s=10)
        assert await store.document(SPACE, "a", timeout_s=10) == stored

    async def test_documents_come_by_id_page_by_page_without_passages(
        self, log: DocumentLog, store: PassageStore
    ) -> None:
        stored = await log.append([change(key, f"text {key}", lang="en") for key in "dbac"], timeout_s=10)
        first = await documents(store, limit=3)
        assert names(first) == ["a", "b", "c"]
        assert names(await documents(store, after="c")) == ["d"]
        assert first[0] == replace(stored[2], passages=())

    async def test_spaces_do_not_mix(self, log: DocumentLog, store: PassageStore) -> None:
        spaces = (SPACE, OTHER_TENANT, OTHER_COLLECTION)
        await log.append([change("a", f"in {space}", space=space) for space in spaces], timeout_s=10)
        everything = [passage_id("a", f"in {space}", space) for space in spaces]
        for space in spaces:
            assert [each.text for each in (await passages(store, *everything, space=space)).values()] == [f"in {space}"]
            assert [each.space for each in await documents(store, space)] == [space]
            found = await store.document(space, "a", timeout_s=10)
            assert found is not None
            assert found.passages[0].text == f"in {space}"

    async def test_no_time_is_a_timeout(self, log: DocumentLog, store: PassageStore) -> None:
        await log.append([change("a", "one")], timeout_s=10)
        with pytest.raises(DependencyTimeout):
            await store.passages(SPACE, [passage_id("a", "one")], timeout_s=0)
