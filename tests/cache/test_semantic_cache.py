from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.evidence import Support
from cache.neighbours import Vector
from cache.question import Parsed
from cache.semantic_cache import QUESTION_BYTES, SemanticCache
from cache.types import Lookup, Question, Verdict
from cache.verify import Judgement
from tests.support.clock import FakeClock
from tests.support.embedder import WordEmbedder

VECTOR = WordEmbedder().vector
SUPPORT = Support(frozenset("ab"), frozenset("a"))
ASKED = "how tall is the tower"
SIMILAR = "tell me how tall is the tower"


class Lenient:
    def judge(self, asked: Parsed, stored: Parsed, asked_vector: Vector, stored_vector: Vector) -> Judgement:
        return Judgement("old" not in asked.text, 1.0, "the judge's reason")


class Found:
    """Evidence that says what it was told."""

    def __init__(self, ranking: Sequence[str] | None = "ab", *, exist: bool = True) -> None:
        self.said, self.exist = ranking, exist
        self.asked = 0

    async def ranking(self) -> Sequence[str] | None:
        self.asked += 1
        return self.said

    async def all_exist(self, passage_ids: Collection[str]) -> bool:
        return self.exist


def question(text: str = ASKED, scope: Hashable = "scope", version: int = 1) -> Question:
    return Question(scope, text, version)


def put(cache: SemanticCache[str], asked: Question, value: str = "330 m", size: int = 10) -> None:
    cache.put(asked, value, SUPPORT, size, VECTOR(asked.text))


async def ask(
    cache: SemanticCache[str], asked: Question, evidence: Found | None = None, max_age_s: float | None = None
) -> Lookup[str]:
    async def vector() -> Vector:
        return VECTOR(asked.text)

    return await cache.lookup(asked, vector, evidence or Found(), max_age_s=max_age_s)


@pytest.fixture
async def cache(clock: FakeClock) -> AsyncIterator[SemanticCache[str]]:
    built: SemanticCache[str] = SemanticCache(clock.now, Lenient(), max_entries=3, max_bytes=100_000, ttl_s=60)
    yield built
    await built.aclose()


async def test_the_same_question_needs_neither_vector_nor_evidence(cache: SemanticCache[str], clock: FakeClock) -> None:
    put(cache, question())
    clock.advance(7)
    found = cache.exact(question("How TALL is the tower?"))
    assert found == Lookup(Verdict.EXACT, "same question, nothing changed since", "330 m", 1.0, 7)
    evidence = Found()
    assert await ask(cache, question(), evidence) == found
    assert not evidence.asked


async def test_a_similar_question_is_served_when_the_evidence_agrees(cache: SemanticCache[str]) -> None:
    put(cache, question())
    found = await ask(cache, question(SIMILAR))
    assert (found.verdict, found.value) == (Verdict.SEMANTIC, "330 m")
    assert found.similarity == pytest.approx(float(VECTOR(ASKED) @ VECTOR(SIMILAR)), abs=0.01)
    assert cache.exact(question(SIMILAR)) is None


@pytest.mark.parametrize(
    ("asked", "evidence", "reason"),
    [
        (SIMILAR, Found("xab"), "the evidence for this question is another one"),
        (SIMILAR, Found(None), "retrieval did not answer, so nothing could be checked"),
        ("how old is the tower", Found(), "no similar question asks the same"),
        ("what is a reef made of", Found(), "no similar question is stored"),
    ],
)
async def test_why_not(cache: SemanticCache[str], asked: str, evidence: Found, reason: str) -> None:
    put(cache, question())
    found = await ask(cache, question(asked), evidence)
    assert (found.verdict, found.value, found.reason) == (Verdict.MISS, None, reason)
    assert (found.detail == "the judge's reason") is (asked == "how old is the tower")


async def test_without_a_vector_it_is_a_miss(cache: SemanticCache[str]) -> None:
    async def none() -> None:
        return None

    put(cache, question())
    assert (await cache.lookup(question(SIMILAR), none, Found())).reason == "the question has no vector"


async def test_an_empty_scope_costs_no_vector(cache: SemanticCache[str]) -> None:
    async def never() -> Vector:
        raise AssertionError("not needed")

    put(cache, question())
    assert (await cache.lookup(question(SIMILAR, scope="other"), never, Found())).reason == "not stored"


async def test_after_a_change_the_same_question_needs_agreement_once(cache: SemanticCache[str]) -> None:
    put(cache, question())
    later = question(version=2)
    assert cache.exact(later) is None
    assert (await ask(cache, later, Found("xab"))).verdict == Verdict.MISS
    assert (await ask(cache, later, Found(exist=False))).verdict == Verdict.MISS
    assert (await ask(cache, later)).verdict == Verdict.EXACT
    assert cache.exact(later) is not None


async def test_a_similar_question_does_not_renew_the_stored_one(cache: SemanticCache[str]) -> None:
    put(cache, question())
    assert (await ask(cache, question(SIMILAR, version=2), Found(exist=False))).verdict == Verdict.MISS
    assert (await ask(cache, question(SIMILAR, version=2))).verdict == Verdict.SEMANTIC
    assert cache.exact(question(version=2)) is None


@pytest.mark.parametrize("asked", [ASKED, SIMILAR])
async def test_age_is_bounded(cache: SemanticCache[str], clock: FakeClock, asked: str) -> None:
    put(cache, question())
    clock.advance(60)
    assert (await ask(cache, question(asked), max_age_s=59)).verdict == Verdict.MISS
    assert (await ask(cache, question(asked), max_age_s=60)).value
    clock.advance(0.1)
    assert (await ask(cache, question(asked))).verdict == Verdict.MISS
    assert (len(cache), cache.stored_bytes) == (0, 0)


async def test_the_latest_answer_stands(cache: SemanticCache[str]) -> None:
    for value in ("first", "second"):
        put(cache, question(), value)
    assert (await ask(cache, question(SIMILAR))).value == "second"
    assert (len(cache), cache.stored_bytes) == (1, 10 + QUESTION_BYTES)


async def test_what_was_evicted_is_not_similar_to_anything(cache: SemanticCache[str]) -> None:
    put(cache, question())
    for number in range(3):
        put(cache, question(f"something else {number}"))
    assert len(cache) == 3
    assert (await ask(cache, question(SIMILAR))).verdict == Verdict.MISS


async def test_an_answer_larger_than_the_bound_is_not_kept(cache: SemanticCache[str]) -> None:
    put(cache, question(), size=100_001)
    assert (len(cache), cache.exact(question())) == (0, None)


async def test_languages_are_kept_apart(cache: SemanticCache[str]) -> None:
    put(cache, question("how is the tower"))
    assert (await ask(cache, question("wie ist der tower"))).reason == "not stored"


async def test_without_a_judge_only_the_same_question_is_served(clock: FakeClock) -> None:
    cache: SemanticCache[str] = SemanticCache(clock.now)
    put(cache, question())
    assert not cache.semantic
    assert cache.exact(question())
    assert (await ask(cache, question(SIMILAR))).verdict == Verdict.MISS
    assert await cache.near(question(SIMILAR), VECTOR(SIMILAR)) == []
    await cache.aclose()


DOCUMENT = ("docs", "a")
RESTING = Support(frozenset("ab"), frozenset("a"), frozenset([DOCUMENT]))


@pytest.fixture
async def keeping(clock: FakeClock) -> AsyncIterator[SemanticCache[str]]:
    """A cache that keeps outdated answers for an outage, with an answer that rests on a document."""
    built: SemanticCache[str] = SemanticCache(clock.now, Lenient(), ttl_s=60, stale_s=30)
    built.put(question(), "330 m", RESTING, 10, VECTOR(ASKED), name="n")
    yield built
    await built.aclose()


@pytest.mark.parametrize("asked", [ASKED, SIMILAR])
async def test_what_rests_on_a_changed_document_is_no_hit_and_serves_in_an_outage(
    keeping: SemanticCache[str], asked: str
) -> None:
    assert [entry.name for entry in keeping.changed(DOCUMENT, 2, deleted=False)] == ["n"]
    for version in (1, 2):
        assert (await ask(keeping, question(asked, version=version))).verdict == Verdict.MISS
    stale = keeping.stale(question(version=2))
    assert stale is not None
    assert (stale.verdict, stale.value) == (Verdict.STALE, "330 m")
    assert keeping.stale(question(SIMILAR)) is None


async def test_what_rests_on_a_deleted_document_is_gone(keeping: SemanticCache[str]) -> None:
    keeping.changed(DOCUMENT, 2, deleted=True)
    assert keeping.stale(question()) is None
    assert (len(keeping), keeping.named("n")) == (0, None)


async def test_an_answer_from_before_a_change_is_not_stored_after_it(keeping: SemanticCache[str]) -> None:
    keeping.changed(DOCUMENT, 2, deleted=False)
    assert not keeping.put(question(SIMILAR, version=1), "old", RESTING, 10, VECTOR(SIMILAR))
    assert keeping.put(question(SIMILAR, version=2), "new", RESTING, 10, VECTOR(SIMILAR))


async def test_a_change_while_the_evidence_is_asked_is_noticed(keeping: SemanticCache[str]) -> None:
    class Changing(Found):
        async def ranking(self) -> Sequence[str] | None:
            keeping.changed(DOCUMENT, 2, deleted=False)
            return await super().ranking()

    assert (await ask(keeping, question(SIMILAR), Changing())).verdict == Verdict.MISS


async def test_past_its_time_an_answer_serves_in_an_outage_for_a_while(
    keeping: SemanticCache[str], clock: FakeClock
) -> None:
    clock.advance(61)
    assert keeping.exact(question()) is None
    assert keeping.stale(question()) is not None
    assert keeping.stale(question(), max_age_s=60) is None
    clock.advance(30)
    assert keeping.stale(question()) is None
    assert len(keeping) == 0


async def test_an_answer_is_dropped_by_its_name(keeping: SemanticCache[str]) -> None:
    keeping.drop("another")
    assert keeping.exact(question())
    keeping.drop("n")
    assert (await ask(keeping, question(SIMILAR))).verdict == Verdict.MISS
    assert not list(keeping)


async def test_an_answer_that_was_no_good_is_forgotten_and_not_served_for_that_question_again(
    keeping: SemanticCache[str],
) -> None:
    assert (await ask(keeping, question(SIMILAR))).value
    assert [entry.name for entry in keeping.blame(("scope", SIMILAR))] == ["n"]
    keeping.put(question(), "330 m", RESTING, 10, VECTOR(ASKED))
    assert (await ask(keeping, question(SIMILAR))).verdict == Verdict.MISS
    assert (await ask(keeping, question(f"please {ASKED}"))).value
    assert len(keeping.blame(("scope", ASKED))) == 1
    assert keeping.blame(("scope", ASKED)) == []


scopes = st.tuples(st.sampled_from(["t1", "t2", "t3"]), st.sampled_from(["docs", "code"]), st.sampled_from(["m", "l"]))
asks = st.tuples(st.booleans(), scopes, st.sampled_from([ASKED, SIMILAR, ASKED.upper(), "how big is the tower"]))


@settings(max_examples=60)
@given(st.lists(asks, max_size=30))
def test_no_scope_is_served_what_another_stored(steps: list[tuple[bool, Hashable, str]]) -> None:
    async def run(now: Callable[[], float]) -> None:
        cache: SemanticCache[Hashable] = SemanticCache(now, Lenient(), max_entries=8)
        for stores, scope, text in steps:
            asked = question(text, scope)
            if stores:
                cache.put(asked, scope, SUPPORT, 1, VECTOR(text))
            else:
                found = await ask(cache, asked)  # type: ignore[arg-type]
                assert found.value in (None, scope)
        await cache.aclose()

    asyncio.run(run(FakeClock().now))
