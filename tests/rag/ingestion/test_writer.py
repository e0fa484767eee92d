from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rag.errors import DependencyFailed, DependencyTimeout, Overloaded, StorageFull
from rag.types import Change, Document
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE
from tests.support.failing import Failing
from tests.support.folders import scratch as scratch_folder
from tests.support.gate import Gate
from tests.support.write_path import WritePath, document, opened

OLD = [
    document("a", "apple", "avocado", lang="en", year=1),
    document("b", "banana", lang="de", year=2),
    document("gone", "grape", lang="en", year=1),
]
#: `a` keeps one passage, loses one and gains one; `b` stays; `c` to `f` come, so that both shards have something.
NEW = [
    document("a", "avocado", "apricot", lang="en", year=1),
    OLD[1],
    *(document(key, f"{key}fruit", lang="fr", year=3) for key in "cdef"),
]


@pytest.fixture
async def path(scratch: Path) -> AsyncIterator[WritePath]:
    async with opened(scratch) as path:
        yield path


def sections(change: Change) -> list[str]:
    return [passage.heading for passage in change.passages]


async def embedded_by(path: WritePath, *documents: Document) -> list[str]:
    """Headings of the passages that putting the documents embeds."""
    path.words.embedded.clear()
    await path.writer.put(SPACE, documents)
    return [text.split("\n")[0] for text in path.words.embedded]


async def test_what_is_put_is_in_store_and_both_indexes(path: WritePath) -> None:
    written = await path.writer.put(SPACE, OLD)
    assert (written.stored, written.unchanged, written.empty, written.passages) == (["a", "b", "gone"], [], [], 4)
    documents = await path.documents()
    assert {key: sections(each) for key, each in documents.items()} == {
        "a": ["apple", "avocado"],
        "b": ["banana"],
        "gone": ["grape"],
    }
    assert documents["b"].metadata == {"lang": "de", "year": 2}
    await path.check_agreement()


async def test_putting_the_same_again_costs_nothing_and_changes_nothing(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    before, position = await path.documents(), path.log.position
    for part, method in [(path.embedder, "embed"), (path.log, "append"), *((each, "upsert") for each in path.shards)]:
        part.fail(method, AssertionError(f"{method} was called"))
    written = await path.writer.put(SPACE, OLD)
    assert (written.stored, written.unchanged, written.passages) == ([], ["a", "b", "gone"], 0)
    path.mend()
    assert (await path.documents(), path.log.position) == (before, position)
    await path.check_agreement()


async def test_a_changed_document_replaces_its_passages_and_only_the_changed_are_embedded(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    assert await embedded_by(path, *NEW[:2]) == ["apricot"]
    assert sections((await path.documents())["a"]) == ["avocado", "apricot"]
    await path.check_agreement()


async def test_passages_that_only_go_cost_no_embedding(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    assert await embedded_by(path, document("a", "avocado", lang="en", year=1)) == []
    assert sections((await path.documents())["a"]) == ["avocado"]
    await path.check_agreement()


async def test_passages_that_change_places_keep_their_points(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    assert await embedded_by(path, document("a", "avocado", "apple", lang="en", year=1)) == []
    assert sections((await path.documents())["a"]) == ["avocado", "apple"]
    await path.check_agreement()


async def test_changed_fields_are_what_filters_see(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    await path.writer.put(SPACE, [document("a", "apple", "avocado", lang="it", year=1)])
    assert (await path.documents())["a"].metadata == {"lang": "it", "year": 1}
    await path.check_agreement()


async def test_a_changed_title_is_what_is_embedded(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    titled = document("a", "apple", "avocado", title="Fruits", lang="en", year=1)
    assert len(await embedded_by(path, titled)) == 2
    await path.check_agreement()


async def test_a_deleted_document_is_gone_everywhere(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    assert await path.writer.delete(SPACE, ["gone", "never there", "a"]) == ["a", "gone"]
    assert list(await path.documents()) == ["b"]
    await path.check_agreement()
    position = path.log.position
    assert await path.writer.delete(SPACE, ["gone", "never there"]) == []
    assert path.log.position == position


async def test_a_deleted_document_can_be_put_again(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    before = await path.documents()
    await path.writer.delete(SPACE, ["a"])
    assert (await path.writer.put(SPACE, OLD)).stored == ["a"]
    assert await path.documents() == before
    await path.check_agreement()


async def test_spaces_do_not_touch_each_other(path: WritePath) -> None:
    spaces = (SPACE, OTHER_TENANT, OTHER_COLLECTION)
    for space in spaces:
        await path.writer.put(space, OLD)
    await path.writer.delete(OTHER_TENANT, ["a"])
    await path.writer.put(OTHER_COLLECTION, NEW)
    assert [len(await path.documents(space)) for space in spaces] == [3, 2, 7]
    for space in spaces:
        await path.check_agreement(space)


async def test_a_document_without_text_is_told_and_not_stored(path: WritePath) -> None:
    written = await path.writer.put(SPACE, [document("nothing"), OLD[1]])
    assert (written.stored, written.empty) == (["b"], ["nothing"])
    assert list(await path.documents()) == ["b"]
    assert (await path.writer.put(SPACE, [])).stored == []


async def test_the_last_of_several_documents_of_one_id_counts(path: WritePath) -> None:
    written = await path.writer.put(SPACE, [document("a", "first"), document("a", "second")])
    assert written.stored == ["a"]
    assert sections((await path.documents())["a"]) == ["second"]
    await path.check_agreement()


async def test_a_document_of_thousands_of_passages_is_stored(path: WritePath) -> None:
    names = [f"section{n}" for n in range(1_500)]
    assert (await path.writer.put(SPACE, [document("book", *names)])).passages == 1_500
    assert sections((await path.documents())["book"]) == names


async def test_a_full_disk_refuses_before_anything_is_done(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    before = await path.documents()
    path.full = StorageFull("no room")
    path.words.embedded.clear()
    with pytest.raises(StorageFull):
        await path.writer.put(SPACE, NEW)
    assert path.words.embedded == []
    assert await path.writer.delete(SPACE, ["gone"]) == ["gone"]  # which makes room
    del before["gone"]
    assert await path.documents() == before
    await path.check_agreement()


Choose = Callable[[WritePath], Failing]
#: Every step of a write that can be interrupted: name, the part, its method, whether the write stands by then.
STEPS: list[tuple[str, Choose, str, bool]] = [
    ("embed", lambda path: path.embedder, "embed", False),
    ("note", lambda path: path.points, "note", False),
    ("upsert on shard 0", lambda path: path.shards[0], "upsert", False),
    ("upsert on shard 1", lambda path: path.shards[1], "upsert", False),
    ("append", lambda path: path.log, "append", False),
    ("delete on shard 0", lambda path: path.shards[0], "delete", True),
    ("delete on shard 1", lambda path: path.shards[1], "delete", True),
    ("forget", lambda path: path.points, "forget", True),
]


def interrupted(steps: list[tuple[str, Choose, str, bool]]) -> pytest.MarkDecorator:
    """Run the test for each step that fails before it did anything, and for each that fails when all was done."""
    return pytest.mark.parametrize(
        ("part", "method", "stands", "afterwards"),
        [
            pytest.param(part, method, stands or (afterwards and name == "append"), afterwards, id=f"{when} {name}")
            for name, part, method, stands in steps
            for when, afterwards in (("before", False), ("after", True))
        ],
    )


@pytest.fixture(scope="module")
def error() -> DependencyFailed:
    return DependencyFailed("interrupted on purpose")


@dataclass(frozen=True)
class Undisturbed:
    """The documents before and after the write that the tests interrupt, where nothing interrupts it."""

    before: dict[str, Change]
    after: dict[str, Change]


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    async def write(folder: Path) -> Undisturbed:
        async with opened(folder) as path:
            await path.writer.put(SPACE, OLD)
            before = await path.documents()
            await path.writer.put(SPACE, NEW)
            return Undisturbed(before, await path.documents())

    with scratch_folder() as folder:
        return asyncio.run(write(folder))


@interrupted(STEPS)
async def test_an_interrupted_put_is_mended_by_the_next_start_and_can_be_repeated(
    scratch: Path,
    undisturbed: Undisturbed,
    part: Choose,
    method: str,
    stands: bool,
    afterwards: bool,
    error: DependencyFailed,
) -> None:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, OLD)
        part(path).fail(method, error, afterwards=afterwards)
        with pytest.raises(DependencyFailed, match="on purpose"):
            await path.writer.put(SPACE, NEW)
    async with opened(scratch) as path:
        assert await path.documents() == (undisturbed.after if stands else undisturbed.before)
        await path.check_agreement()
        written = await path.writer.put(SPACE, NEW)
        assert written.stored == ([] if stands else ["a", "c", "d", "e", "f"])
        assert await path.documents() == undisturbed.after
        await path.check_agreement()


@interrupted(STEPS)
async def test_an_interrupted_put_can_be_repeated_at_once(
    scratch: Path,
    undisturbed: Undisturbed,
    part: Choose,
    method: str,
    stands: bool,
    afterwards: bool,
    error: DependencyFailed,
) -> None:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, OLD)
        part(path).fail(method, error, afterwards=afterwards)
        with pytest.raises(DependencyFailed, match="on purpose"):
            await path.writer.put(SPACE, NEW)
        path.mend()
        await path.writer.put(SPACE, NEW)
        assert await path.documents() == undisturbed.after
        passages = {passage.id for each in undisturbed.after.values() for passage in each.passages}
        assert passages <= set(await path.dense_ids({}))
        words = " ".join(
            text for each in undisturbed.after.values() for p in each.passages for text in [p.contextual_text]
        )
        assert await path.lexical_ids(words, {}) == sorted(passages)
    async with opened(scratch) as path:
        assert await path.documents() == undisturbed.after
        await path.check_agreement()


@interrupted(STEPS[4:])
async def test_an_interrupted_put_costs_no_later_write_anything(
    scratch: Path,
    undisturbed: Undisturbed,
    part: Choose,
    method: str,
    stands: bool,
    afterwards: bool,
    error: DependencyFailed,
) -> None:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, OLD)
        part(path).fail(method, error, afterwards=afterwards)
        with pytest.raises(DependencyFailed, match="on purpose"):
            await path.writer.put(SPACE, NEW)
        path.mend()
        await path.writer.put(SPACE, [document("later", "lemon")])
    async with opened(scratch) as path:
        documents = await path.documents()
        assert sections(documents.pop("later")) == ["lemon"]
        assert documents == (undisturbed.after if stands else undisturbed.before)
        await path.check_agreement()


@interrupted(STEPS[4:])
async def test_an_interrupted_deletion_is_mended_by_the_next_start(
    scratch: Path, part: Choose, method: str, stands: bool, afterwards: bool, error: DependencyFailed
) -> None:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, OLD)
        part(path).fail(method, error, afterwards=afterwards)
        with pytest.raises(DependencyFailed, match="on purpose"):
            await path.writer.delete(SPACE, ["a", "gone"])
    async with opened(scratch) as path:
        assert list(await path.documents()) == (["b"] if stands else ["a", "b", "gone"])
        await path.check_agreement()
        assert await path.writer.delete(SPACE, ["a", "gone"]) == ([] if stands else ["a", "gone"])
        await path.check_agreement()


async def test_a_lexical_index_that_cannot_follow_holds_no_write_up_and_is_not_served(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    path.lexical.fail("apply", DependencyTimeout("stuck"))
    for new in NEW[2:4]:
        assert (await path.writer.put(SPACE, [new])).stored == [new.id]
        assert not path.follower.current
    assert await path.writer.delete(SPACE, ["gone"]) == ["gone"]
    assert sorted(await path.documents()) == ["a", "b", "c", "d"]
    path.mend()
    await path.level()
    assert path.follower.current
    await path.check_agreement()


async def test_what_the_lexical_index_missed_is_taken_in_at_the_next_start(scratch: Path) -> None:
    async with opened(scratch) as path:
        path.lexical.fail("apply", DependencyTimeout("stuck"))
        await path.writer.put(SPACE, OLD)
    async with opened(scratch) as path:
        await path.check_agreement()


async def test_a_write_that_the_lexical_index_missed_is_taken_in_with_one_on_its_way(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    tasks = [await start(path, each) for each in OLD]
    await gate.reached(len(tasks))
    path.lexical.fail("apply", DependencyTimeout("stuck"), times=1)
    gate.open.set()
    await asyncio.gather(*tasks)
    await path.level()
    assert sorted(await path.documents()) == ["a", "b", "gone"]
    await path.check_agreement()


async def test_an_overloaded_embedder_is_told_as_such(path: WritePath) -> None:
    path.embedder.fail("embed", Overloaded("full"))
    with pytest.raises(Overloaded):
        await path.writer.put(SPACE, OLD)


async def start(path: WritePath, *documents: Document) -> asyncio.Task[Any]:
    """Begin to put the documents, and let it come as far as it can by itself."""
    task = asyncio.create_task(path.writer.put(SPACE, documents))
    await asyncio.sleep(0)
    return task


async def test_overlapping_batches_land_in_the_order_in_which_they_came(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    batches = [
        [document("a", "one")],
        [document("a", "two"), document("b", "two")],
        [document("b", "three")],
        [document("a", "four")],
        [document("b", "five"), document("c", "five")],
    ]
    tasks = [await start(path, *batch) for batch in batches]
    await gate.reached()
    gate.open.set()
    await asyncio.gather(*tasks)
    assert {key: sections(each) for key, each in (await path.documents()).items()} == {
        "a": ["four"],
        "b": ["five"],
        "c": ["five"],
    }
    await path.check_agreement()


async def test_the_same_batch_side_by_side_is_stored_once(path: WritePath) -> None:
    results = await asyncio.gather(*(path.writer.put(SPACE, OLD) for _ in range(4)))
    assert [len(each.stored) for each in results] == [3, 0, 0, 0]
    assert len(path.words.embedded) == 4
    await path.check_agreement()


async def test_versions_side_by_side_end_as_the_last_one(path: WritePath) -> None:
    versions = [[document("a", f"s{n % 3}", f"s{n % 4}x", "kept"), document("b", f"s{n % 2}")] for n in range(8)]
    await asyncio.gather(*(path.writer.put(SPACE, version) for version in versions))
    documents = await path.documents()
    assert sections(documents["a"]) == ["s1", "s3x", "kept"]
    assert sections(documents["b"]) == ["s1"]
    await path.check_agreement()


async def test_a_deletion_between_two_puts_takes_its_turn(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    first = await start(path, OLD[0])
    deleting = asyncio.create_task(path.writer.delete(SPACE, ["a"]))
    await asyncio.sleep(0)
    last = await start(path, NEW[0])
    gate.open.set()
    await asyncio.gather(first, last)
    assert await deleting == ["a"]
    assert sections((await path.documents())["a"]) == ["avocado", "apricot"]
    await path.check_agreement()


async def test_batches_of_other_documents_do_not_wait(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    held = await start(path, document("a", "one"))
    await gate.reached()
    gate.remove()
    await path.writer.put(SPACE, [document("b", "two")])
    await path.writer.put(OTHER_TENANT, [document("a", "two")])
    assert list(await path.documents()) == ["b"]
    gate.open.set()
    await held
    assert list(await path.documents()) == ["a", "b"]


async def test_a_put_cancelled_before_it_lands_leaves_nothing(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    unwanted = await start(path, document("a", "one"))
    await gate.reached()
    following = await start(path, document("a", "two"))
    unwanted.cancel()
    gate.open.set()
    await following
    assert unwanted.cancelled()
    assert sections((await path.documents())["a"]) == ["two"]
    await path.check_agreement()


async def test_a_put_cancelled_while_it_waits_lets_the_others_keep_their_order(path: WritePath) -> None:
    gate = Gate(path.embedder, "embed")
    first, unwanted, last = [await start(path, document("a", name)) for name in ("one", "two", "three")]
    await gate.reached()
    unwanted.cancel()
    await asyncio.gather(unwanted, return_exceptions=True)
    assert not last.done()
    gate.open.set()
    await asyncio.gather(first, last)
    assert sections((await path.documents())["a"]) == ["three"]
    await path.check_agreement()


async def test_a_put_cancelled_while_it_lands_lands_before_the_next_begins(path: WritePath) -> None:
    await path.writer.put(SPACE, [document("a", "one")])
    gate = Gate(path.log, "append")
    unwanted = await start(path, document("a", "two"))
    await gate.reached()
    unwanted.cancel()
    back = await start(path, document("a", "one"))  # unchanged, were it looked at before "two" has landed
    gate.open.set()
    await back
    assert unwanted.cancelled()
    assert sections((await path.documents())["a"]) == ["one"]
    await path.check_agreement()


async def test_a_put_cancelled_while_it_settles_does_not_drop_what_the_next_one_writes(path: WritePath) -> None:
    await path.writer.put(SPACE, [document("a", "one")])
    gates = [Gate(shard, "delete") for shard in path.shards]
    unwanted = await start(path, document("a", "two"))
    await gates[0].reached()
    unwanted.cancel()
    back = await start(path, document("a", "one"))
    for _ in range(50):  # time enough to write, were it allowed to
        await path.store.documents(SPACE, after=None, limit=1, timeout_s=10)
    for gate in gates:
        gate.open.set()
    await back
    assert sections((await path.documents())["a"]) == ["one"]
    await path.check_agreement()


async def test_recovering_again_changes_nothing(path: WritePath) -> None:
    await path.writer.put(SPACE, OLD)
    before = await path.documents()
    await path.writer.recover()
    assert await path.documents() == before
    await path.check_agreement()


def remove(folder: Path, pattern: str) -> None:
    for file in list(folder.glob(pattern)):
        file.unlink()


async def test_a_lost_lexical_index_is_made_anew(scratch: Path) -> None:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, OLD)
        await path.writer.put(SPACE, NEW)
        await path.writer.delete(SPACE, ["gone"])
    remove(scratch, "lexical.db*")
    async with opened(scratch) as path:
        await path.check_agreement()
