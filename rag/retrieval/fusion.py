"""Fusion of the lexical and the dense ranking: each weighs as much as its own scores stand out.

The scores of the two indexes do not compare, and their ranks say nothing about how sure an index is. So each list is
measured by itself, as in the convex combinations of Bruch, Gai and Ingber ("An Analysis of Fusion Functions for Hybrid
Retrieval", TOIS 2023), in a unit that is the spread of its scores: how far the best tenth stands above the last. An
index that sees a few passages far ahead of the rest gives them many units, one that can hardly tell them apart gives
all about one. Both lists count alike; there is no weight to set for a collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from rag.types import Hit

#: Share of a list, from its top, that is at least one unit above its floor.
TENTH = 10
#: No list gives more units than this: one lucky word must not silence the other list.
MOST_UNITS = 5.0
#: What one unit of one list is in the fused score.
UNIT = 1 / (2 * MOST_UNITS)


def fuse(lexical: Sequence[Hit], dense: Sequence[Hit]) -> list[Hit]:
    """One list of both, best first, scores from 0 to 1; either list may be empty.

    A passage that a list does not hold gets that list's floor: its last score, or 0 from a lexical list that is
    shorter than the dense one, since what BM25 does not give shares no word with the question. Ties keep the order of
    the lists, the lexical one first, so that equal input gives equal output.
    """
    exhausted = len(lexical) < len(dense)
    parts = _units(lexical, 0.0 if exhausted else None, len(dense)), _units(dense, None, len(dense))
    scores = dict.fromkeys((hit.passage_id for hits in (lexical, dense) for hit in hits), 0.0)
    for part in parts:
        for passage_id, units in part.items():
            scores[passage_id] += units * UNIT
    return list(map(Hit._make, sorted(scores.items(), key=itemgetter(1), reverse=True)))


def stands_out(fused: Sequence[Hit]) -> bool:
    """Whether the first passage is a whole unit ahead of the second: the lists leave little doubt."""
    return len(fused) == 1 or (len(fused) > 1 and fused[0].score - fused[1].score >= UNIT)


def _units(hits: Sequence[Hit], floor: float | None, length: int) -> dict[str, float]:
    """How many units each passage stands above the list's floor, 0 to `MOST_UNITS`.

    Args:
        hits: best first.
        floor: score of what the list does not hold; None: the last score.
        length: entries that the list would have had, had there been as much to find.
    """
    if not hits:
        return {}
    floor = hits[-1].score if floor is None else floor
    top = hits[0].score - floor
    place = max(len(hits), length) // TENTH
    tenth = hits[place].score - floor if place < len(hits) else 0.0
    unit = max(tenth, top / MOST_UNITS)
    if unit <= 0:  # all alike
        return dict.fromkeys((hit.passage_id for hit in hits), 1.0)
    return {hit.passage_id: (hit.score - floor) / unit for hit in hits}
