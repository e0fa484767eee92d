"""What every adapter of `rag.ports.PassageIndex` keeps; subclass it and give the fixture `index`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.errors import DependencyTimeout
from rag.ports import DenseShard, PassageIndex, Point, Vector
from rag.types import Filters, Space
from tests.contracts.filters import CASES, FIELDS
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE, passage_id

#: What the fixture's index must be made for.
DIMENSION = 8


def direction(degrees: float) -> Vector:
    """A unit vector: directions are as far apart as their degrees."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def point(document_id: str, degrees: float = 0, space: Space = SPACE, **metadata: object) -> Point:
    """The one passage of a document."""
    return Point(passage_id(document_id, "text", space), space, document_id, direction(degrees), metadata)


def ids(*document_ids: str, space: Space = SPACE) -> list[str]:
    """Passage ids of the documents."""
    return [passage_id(document_id, "text", space) for document_id in document_ids]


async def found(
    index: PassageIndex,
    degrees: float = 0,
    space: Space = SPACE,
    limit: int = 100,
    filters: Filters | None = None,
    within: Sequence[str] | None = None,
) -> list[str]:
    """Passage ids as a search gives them."""
    hits = await index.search(space, direction(degrees), limit, filters or {}, within=within, timeout_s=10)
    return [hit.passage_id for hit in hits]


class PassageIndexContract:
    """The port's promises."""

    @pytest.fixture
    def index(self) -> PassageIndex:
        """The adapter under test, empty, for vectors of `DIMENSION`."""
        raise NotImplementedError

    async def test_nothing_is_found_in_an_empty_space(self, index: PassageIndex) -> None:
        assert await found(index) == []

    async def test_the_nearest_come_first_with_their_cosine(self, index: PassageIndex) -> None:
        await index.upsert([point("far", 170), point("near", 10), point("middle", 60)], timeout_s=10)
        hits = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
        assert [hit.passage_id for hit in hits] == ids("near", "middle", "far")
        expected = np.cos(np.radians([10, 60, 170]))
        assert [hit.score for hit in hits] == pytest.approx(expected.tolist(), abs=1e-5)

    async def test_no_more_than_the_limit_is_found(self, index: PassageIndex) -> None:
        await index.upsert([point(str(degrees), degrees) for degrees in range(0, 90, 10)], timeout_s=10)
        assert await found(index, limit=2) == ids("0", "10")

    async def test_spaces_do_not_mix(self, index: PassageIndex) -> None:
        spaces = (SPACE, OTHER_TENANT, OTHER_COLLECTION)
        await index.upsert([point("same", space=space) for space in spaces], timeout_s=10)
        for space in spaces:
            assert await found(index, space=space) == ids("same", space=space)
            assert await found(index, space=space, filters={"document_id": "same"}) == ids("same", space=space)

    async def test_a_point_is_replaced_with_its_fields(self, index: PassageIndex) -> None:
        await index.upsert([point("a", 0, lang="en"), point("b", 40)], timeout_s=10)
        await index.upsert([point("a", 90, lang="de")], timeout_s=10)
        assert await found(index) == ids("b", "a")
        assert await found(index, filters={"lang": "en"}) == []
        assert await found(index, filters={"lang": "de"}) == ids("a")

    async def test_the_last_of_several_points_of_one_id_stands(self, index: PassageIndex) -> None:
        await index.upsert([point("a", 0), point("b", 40), replace(point("a"), vector=direction(90))], timeout_s=10)
        assert await found(index) == ids("b", "a")

    async def test_deleted_points_are_gone_and_unknown_ones_passed_over(self, index: PassageIndex) -> None:
        await index.upsert([point("a"), point("b", 10)], timeout_s=10)
        await index.delete(ids("a", "never stored"), timeout_s=10)
        assert await found(index) == ids("b")
        await index.delete(ids("a"), timeout_s=10)
        await index.upsert([point("a")], timeout_s=10)
        assert await found(index) == ids("a", "b")

    async def test_writing_nothing_changes_nothing(self, index: PassageIndex) -> None:
        await index.upsert([point("a")], timeout_s=10)
        await index.upsert([], timeout_s=10)
        await index.delete([], timeout_s=10)
        assert await found(index) == ids("a")

    async def test_filters_leave_what_they_ask_for(self, index: PassageIndex) -> None:
        points = [replace(point(key, 10), metadata=fields) for key, fields in FIELDS.items()]
        await index.upsert(points, timeout_s=10)
        for filters, expected in CASES:
            assert sorted(await found(index, filters=filters)) == sorted(ids(*expected)), filters

    async def test_a_filter_holds_before_the_limit(self, index: PassageIndex) -> None:
        near = [point(f"near{i}", i, lang="en") for i in range(20)]
        await index.upsert([*near, point("far", 90, lang="de")], timeout_s=10)
        assert await found(index, limit=1, filters={"lang": "de"}) == ids("far")

    async def test_only_passages_within_the_given_ids_are_found(self, index: PassageIndex) -> None:
        await index.upsert(
            [point(str(degrees), degrees, even=not degrees % 20) for degrees in range(0, 90, 10)], timeout_s=10
        )
        await index.upsert([point("20", space=OTHER_TENANT)], timeout_s=10)
        among = ids("70", "20", "40", "never stored", "20") + ids("20", space=OTHER_TENANT)
        assert await found(index, within=among) == ids("20", "40", "70")
        assert await found(index, within=among, filters={"even": True}, limit=1) == ids("20")
        assert await found(index, within=[]) == []

    async def test_searches_run_side_by_side(self, index: PassageIndex) -> None:
        await index.upsert([point(str(degrees), degrees) for degrees in range(0, 100, 10)], timeout_s=10)
        results = await asyncio.gather(*(found(index, degrees, limit=1) for degrees in range(0, 100, 10)))
        assert results == [ids(str(degrees)) for degrees in range(0, 100, 10)]

    async def test_no_time_is_a_timeout(self, index: PassageIndex) -> None:
        await index.upsert([point("a")], timeout_s=10)
        with pytest.raises(DependencyTimeout):
            await index.search(SPACE, direction(0), 1, {}, timeout_s=0)
        assert await found(index) == ids("a")

    async def test_vectors_are_those_that_were_stored(self, index: DenseShard) -> None:
        await index.upsert([point("a", 10), point("b", 80)], timeout_s=10)
        known, other, unknown = ids("a", "b", "nobody")
        assert await index.vectors([], timeout_s=10) == {}
        found = await index.vectors([known, unknown], timeout_s=10)
        assert list(found) == [known]
        assert found[known].dtype == np.float32
        assert found[known] == pytest.approx(direction(10), abs=1e-6)
        await index.delete([known], timeout_s=10)
        assert list(await index.vectors([known, other], timeout_s=10)) == [other]
