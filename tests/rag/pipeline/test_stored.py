from dataclasses import replace

import numpy as np
import orjson
import pytest

from cache.types import Verdict
from rag.pipeline.request import Answer, CacheOutcome, Cost
from rag.pipeline.stored import FORMAT, StoredAnswer, encoded_vector, packed, size_of, store_key, support_of, unpacked
from rag.types import Citation, Passage, RouteOutcome, Scope, ScoredPassage, Space
from router.types import TokenUsage
from tests.support.embedder import WordEmbedder

SPACE = Space("tenant", "docs")
PASSAGES = tuple(
    ScoredPassage(Passage(f"p{n}", f"d{n}", n, "Text.", "Title", "Part", None, 2, {"tags": ["x"], "year": 1}), 0.5)
    for n in range(2)
)
ANSWER = Answer(
    text="It is so. [1]",
    answered=True,
    citations=(Citation("[1]", "p0", 0, 13),),
    sources=PASSAGES,
    finish_reason="stop",
    usage=TokenUsage(90, 7, 64),
    cache=CacheOutcome(Verdict.MISS, reason="not stored"),
    route=RouteOutcome("small", "default"),
    timings_ms={"total": 12.5},
    cost=Cost(0.5),
)
VECTOR = WordEmbedder().vector("is it so")
STORED = StoredAnswer("n", Scope(SPACE, "steadyrag", "f"), "Is it so?", 7, 1_000.0, encoded_vector(VECTOR), ANSWER)


def test_what_is_packed_comes_out_as_it_went_in():
    kept = packed(STORED, ttl_s=60)
    assert (kept.name, kept.expires_at) == ("n", 1_060.0)
    assert unpacked(kept) == STORED
    assert np.allclose(STORED.decoded_vector(), VECTOR, atol=1e-3)
    assert unpacked(packed(replace(STORED, vector=""), 60)).decoded_vector() is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: told | {"format": FORMAT + 1},
        lambda told: {"stored": told["stored"]},
        lambda told: told | {"stored": told["stored"] | {"answer": {}}},
        lambda told: told | {"stored": told["stored"] | {"vector": "no base64"}},
        lambda told: ["a list"],
    ],
    ids=["another format", "none", "a part is missing", "no vector", "no object"],
)
def test_what_cannot_be_read_is_passed_over(damage):
    kept = packed(STORED, 60)
    assert unpacked(replace(kept, body=orjson.dumps(damage(orjson.loads(kept.body))))) is None
    assert unpacked(replace(kept, body=kept.body[:-1])) is None


def test_the_same_question_has_the_same_key_and_another_scope_another():
    scope = STORED.scope
    other = replace(scope, space=Space("other", "docs"))
    keys = [store_key((scope, "is it so")), store_key((other, "is it so")), store_key((scope, "is it"))]
    assert packed(STORED, 60).key == packed(replace(STORED, text="IS it so"), 60).key == keys[0]
    assert len(set(keys)) == 3


def test_an_answer_rests_on_all_that_it_was_written_from():
    support = support_of(SPACE, ANSWER)
    assert (support.sources, support.cited) == ({"p0", "p1"}, {"p0"})
    assert support.documents == {(SPACE, "d0"), (SPACE, "d1")}


def test_an_answer_is_as_large_as_its_texts():
    larger = replace(ANSWER, text="x" * 10_000)
    assert size_of(larger) - size_of(ANSWER) == pytest.approx(10_000, abs=100)
