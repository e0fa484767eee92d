"""What answers cost, and what the cache and the choice of the model saved of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.load.records import Record

#: Verdicts of answers that no model was asked for.
SERVED = frozenset({"exact", "semantic", "stale"})


def costs(answers: Sequence[Record]) -> dict[str, Any]:
    """Costs in the unit of the models' prices; {} where the server tells of none, or its models are free.

    The cache saved what its answers cost when they were computed. The router saved what the other models' answers
    were cheaper than the dearest model's in the mean: that model is taken to have answered them at its own mean.

    Returns:
        `amount` paid, `cache_saved`, `routing_saved`, both also as a share of what would have been paid without
        (`cache_saved_share`, `routing_saved_share`), and `by_model`, of each the computed answers and their amount.
    """
    computed: dict[str, list[float]] = {}
    for record in answers:
        if record.cost is not None and record.model is not None and record.verdict not in SERVED:
            computed.setdefault(record.model, []).append(record.cost)
    amount = sum(record.cost or 0.0 for record in answers)
    cache_saved = sum(record.saved or 0.0 for record in answers)
    if not amount + cache_saved:
        return {}
    dearest = max((sum(paid) / len(paid) for paid in computed.values()), default=0.0)
    routing_saved = sum(dearest * len(paid) - sum(paid) for paid in computed.values())
    return {
        "amount": amount,
        "cache_saved": cache_saved,
        "cache_saved_share": cache_saved / (amount + cache_saved),
        "routing_saved": routing_saved,
        "routing_saved_share": routing_saved / (amount + routing_saved) if amount else 0.0,
        "by_model": {model: {"answers": len(paid), "amount": sum(paid)} for model, paid in sorted(computed.items())},
    }
