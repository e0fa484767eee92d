"""Whatever breaks, alone or together: the answer says exactly what happened, or there is an honest 503."""

from itertools import chain, combinations

import pytest

from rag.errors import DependencyFailed, DependencyTimeout
from router.errors import ModelOverloaded, ModelUnavailable, ModelUnreachable, StreamBroken
from tests.support.seams import hangs, raises, since
from tests.support.virtual_service import SHARDS

FAULTS = {
    "raises": raises(lambda: DependencyFailed("it is down")),
    "times out": raises(lambda: DependencyTimeout("it is late")),
    "hangs": hangs,
}
MODEL_FAULTS = {
    "refuses": raises(lambda: ModelUnreachable("refused", model="m")),
    "errs": raises(lambda: ModelUnavailable("HTTP 500", model="m")),
    "is full": raises(lambda: ModelOverloaded("HTTP 429", model="m", retry_after_s=1)),
    "breaks before its first word": raises(lambda: StreamBroken("reset", model="m")),
    "hangs": hangs,
}
#: seam -> the labels of an answer by the small model, and of one by the large model.
READS = {
    "embedder": ["embedder-unavailable"],
    "lexical": ["lexical-unavailable"],
    "index:0": ["shards:1/2"],
    "index:*": ["dense-unavailable"],
    "document_log": [],
}
#: what is broken, who is asked -> the labels.
MODELS = {
    ("model:small", "steadyrag-small"): ["extractive-fallback"],
    ("model:small", "steadyrag-large"): [],
    ("model:large", "steadyrag-small"): [],
    ("model:large", "steadyrag-large"): ["model-fallback:small"],
    ("model:*", "steadyrag-small"): ["extractive-fallback"],
    ("model:*", "steadyrag-large"): ["extractive-fallback"],
}
EVERYTHING = ("embedder", "lexical", "index:0", "index:1", "model:small", "model:large")


def is_labelled(reply, labels):
    assert reply.status == 200, reply.body
    assert reply.degraded == labels
    assert reply.headers.get("x-steadyrag-degraded", "") == ",".join(labels)


def is_honest_503(reply):
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    return True


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(("seam", "labels"), READS.items(), ids=READS)
async def test_a_part_of_retrieval(make, seam, labels, fault):
    virtual = await make()
    virtual.seams.fault(seam, fault)
    is_labelled(await virtual.ask(), labels)
    found = await virtual.search()
    assert (found.status, found.degraded) == (200, labels)
    assert found.body["results"][0]["document_id"] == "tower"
    streamed = (await virtual.stream()).finished[-1]
    assert streamed["steadyrag"]["degraded"] == labels


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("broken", [["store"], ["lexical", "index:*"], ["lexical", "embedder"]], ids="+".join)
async def test_what_cannot_be_done_without(make, broken, fault):
    virtual = await make()
    for seam in broken:
        virtual.seams.fault(seam, fault)
    assert is_honest_503(await virtual.ask())
    assert is_honest_503(await virtual.search())


@pytest.mark.parametrize("fault", MODEL_FAULTS.values(), ids=MODEL_FAULTS)
@pytest.mark.parametrize(("seam", "model", "labels"), [(*key, labels) for key, labels in MODELS.items()])
async def test_a_model(make, seam, model, labels, fault):
    virtual = await make()
    virtual.seams.fault(seam, fault)
    reply = await virtual.ask(model=model)
    is_labelled(reply, labels)
    assert "330 metres" in reply.body["choices"][0]["message"]["content"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_everything(make, fault):
    virtual = await make()
    virtual.seams.fault("*", fault)
    assert is_honest_503(await virtual.ask())
    assert is_honest_503(await virtual.search())


def subsets(seams):
    return chain.from_iterable(combinations(seams, size) for size in range(len(seams) + 1))


def labels_of(broken):
    """What an answer of the large model must say when these are gone; None when there can be no answer."""
    lost = len({"index:0", "index:1"} & broken)
    dense = lost < SHARDS and "embedder" not in broken
    if "lexical" in broken and not dense:
        return None
    labels = ["lexical-unavailable"] if "lexical" in broken else []
    if "embedder" in broken:
        labels.append("embedder-unavailable")
    elif lost:
        labels.append(f"shards:{SHARDS - lost}/{SHARDS}" if dense else "dense-unavailable")
    if {"model:small", "model:large"} <= broken:
        labels.append("extractive-fallback")
    elif "model:large" in broken:
        labels.append("model-fallback:small")
    return labels


async def test_whatever_breaks_together(make):
    virtual = await make()
    for broken in map(set, subsets(EVERYTHING)):
        virtual.mend()
        for seam in broken:
            fault = MODEL_FAULTS["errs"] if seam.startswith("model") else FAULTS["raises"]
            virtual.seams.fault(seam, fault)
        reply, expected = await virtual.ask(model="steadyrag-large"), labels_of(broken)
        if expected is None:
            is_honest_503(reply)
        else:
            is_labelled(reply, expected)


@pytest.mark.parametrize("seam", ["embedder", "lexical", "index:0", "store"])
async def test_whichever_of_its_calls_fails(make, seam):
    """A part is asked more than once for an answer; none of the calls fails, with its retry, without a word."""
    virtual = await make(models={"small": "extractive:", "large": "extractive:"})
    is_labelled(await virtual.ask(), [])
    for number in range(1, len(virtual.seams.calls(seam)) + 1):
        virtual.mend()
        virtual.seams.fault(seam, since(number, FAULTS["raises"], calls=2))
        reply = await virtual.ask()
        assert reply.status == 503 or reply.degraded, f"call {number} of {seam} failed silently"


async def test_the_embedder_that_fails_only_the_extractive_answerer(make):
    """Retrieval had its vector; the sentences are then chosen by their words alone, and the answer says so."""
    virtual = await make(models={"small": "extractive:", "large": "extractive:"})
    is_labelled(await virtual.ask(), [])
    virtual.mend()
    virtual.seams.fault("embedder", since(2, FAULTS["raises"]))
    is_labelled(await virtual.ask(), ["embedder-unavailable"])


@pytest.mark.parametrize("timeout_s", [0.25, 1.0, 30.0])
@pytest.mark.parametrize(
    ("seam", "labels"),
    [
        ("embedder", ["embedder-unavailable"]),
        ("lexical", ["lexical-unavailable"]),
        ("index:0", ["shards:1/2"]),
        ("model:*", ["extractive-fallback"]),
    ],
)
async def test_a_hang_leaves_time_for_the_rung_below_however_short_the_deadline(make, seam, labels, timeout_s):
    virtual = await make()
    virtual.seams.fault(seam, hangs)
    reply = await virtual.ask(model="steadyrag-large", timeout_s=timeout_s)
    is_labelled(reply, labels)
    assert reply.took_s < timeout_s


async def test_a_degraded_answer_is_not_served_again(make):
    virtual = await make()
    virtual.seams.fault("lexical", FAULTS["raises"])
    is_labelled(await virtual.ask(cache="default"), ["lexical-unavailable"])
    virtual.mend()
    reply = await virtual.ask(cache="default")
    is_labelled(reply, [])
    assert reply.headers["x-steadyrag-cache"] == "miss"
