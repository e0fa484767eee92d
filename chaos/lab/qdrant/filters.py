"""Qdrant's filters, as its client models them, in the terms of the Edge engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import models


def to_edge(wanted: models.Filter | None) -> edge.Filter | None:
    """The same filter for the engine.

    Raises:
        ValueError: it holds a condition that the lab does not know.
    """
    if wanted is None:
        return None
    return edge.Filter(
        must=_conditions(wanted.must), should=_conditions(wanted.should), must_not=_conditions(wanted.must_not)
    )


def _conditions(conditions: Any) -> list[Any] | None:
    if conditions is None:
        return None
    return [_condition(each) for each in (conditions if isinstance(conditions, Sequence) else [conditions])]


def _condition(condition: Any) -> Any:
    if isinstance(condition, models.Filter):
        return to_edge(condition)
    if isinstance(condition, models.HasIdCondition):
        return edge.HasIdCondition(set(condition.has_id))
    if isinstance(condition, models.FieldCondition) and condition.match is not None:
        return edge.FieldCondition(key=condition.key, match=_match(condition.match))
    if isinstance(condition, models.FieldCondition) and isinstance(condition.range, models.Range):
        bounds = condition.range
        return edge.FieldCondition(
            key=condition.key, range=edge.RangeFloat(gte=bounds.gte, gt=bounds.gt, lte=bounds.lte, lt=bounds.lt)
        )
    raise ValueError(f"the lab server does not know the condition {condition!r}")


def _match(match: Any) -> Any:
    values: Any = list
    if isinstance(match, models.MatchValue):
        return edge.MatchValue(match.value)
    if isinstance(match, models.MatchAny):
        return edge.MatchAny(values(match.any))
    if isinstance(match, models.MatchExcept):
        return edge.MatchExcept(values(match.except_))
    raise ValueError(f"the lab server does not know the match {match!r}")
