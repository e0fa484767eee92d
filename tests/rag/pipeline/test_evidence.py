from __future__ import annotations

from types import SimpleNamespace

import pytest

from rag.errors import DependencyFailed
from rag.pipeline.evidence import RetrievedEvidence
from rag.pipeline.retrieve import Retrieved
from rag.pipeline.shared import Shared
from rag.types import Deadline, Passage, ScoredPassage, Space

SPACE = Space("default", "default")
PASSAGES = tuple(ScoredPassage(Passage(name, "document", 0, name), 1.0) for name in "ba")


def evidence(clock, retrieved, exist=True):
    async def answer():
        if isinstance(retrieved, Exception):
            raise retrieved
        return retrieved

    async def all_exist(space, passage_ids, *, deadline):
        if isinstance(exist, Exception):
            raise exist
        return exist

    deadline = Deadline.after(1, clock)
    return RetrievedEvidence(Shared(answer), SimpleNamespace(all_exist=all_exist), SPACE, deadline)


@pytest.mark.parametrize(
    ("retrieved", "ranking"),
    [
        (Retrieved(PASSAGES, ()), ["b", "a"]),
        (Retrieved(PASSAGES, ("shards:1/2",)), None),
        (DependencyFailed("down"), None),
    ],
    ids=["whole", "degraded", "down"],
)
async def test_the_ranking(clock, retrieved, ranking):
    assert await evidence(clock, retrieved).ranking() == ranking


@pytest.mark.parametrize(("exist", "said"), [(True, True), (False, False), (DependencyFailed("down"), False)])
async def test_what_exists(clock, exist, said):
    assert await evidence(clock, Retrieved((), ()), exist).all_exist(["a"]) is said
