import pytest
from qdrant_client import models

from chaos.lab.qdrant.filters import to_edge


def key(match):
    return models.FieldCondition(key="lang", match=match)


def test_no_filter_is_none():
    assert to_edge(None) is None


async def test_every_known_condition_filters(lab):
    _, client = lab
    await client.create_collection(
        "c", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE), shard_number=2
    )
    points = [models.PointStruct(id=n, vector=[1, n], payload={"lang": lang, "n": n}) for n, lang in enumerate("abc")]
    await client.upsert("c", points)
    for wanted, expected in [
        (models.Filter(must=[key(models.MatchValue(value="a"))]), [0]),
        (models.Filter(must=key(models.MatchAny(any=["a", "b"]))), [0, 1]),
        (models.Filter(must=[key(models.MatchExcept(**{"except": ["a"]}))]), [1, 2]),
        (models.Filter(must_not=[key(models.MatchValue(value="b"))]), [0, 2]),
        (models.Filter(should=[models.HasIdCondition(has_id=[2]), key(models.MatchValue(value="a"))]), [0, 2]),
        (models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=1, lt=2))]), [1]),
        (models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gt=0, lte=2))]), [1, 2]),
        (models.Filter(must=[models.Filter(must_not=[models.HasIdCondition(has_id=[0, 1])])]), [2]),
    ]:
        found, _ = await client.scroll("c", scroll_filter=wanted)
        assert [record.id for record in found] == expected


@pytest.mark.parametrize(
    "condition",
    [
        models.IsEmptyCondition(is_empty=models.PayloadField(key="a")),
        key(models.MatchText(text="a")),
        models.FieldCondition(key="year", range=models.DatetimeRange(gt="2020-01-01T00:00:00Z")),
    ],
)
def test_what_it_does_not_know_it_refuses(condition):
    with pytest.raises(ValueError, match="does not know"):
        to_edge(models.Filter(must=[condition]))
