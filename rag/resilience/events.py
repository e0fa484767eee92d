"""What the protections tell: frozen records handed to an injected observer, which turns them into metrics and logs.

Every record carries `name`, the protected dependency or target ("index:2", "model:large").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag.types import Priority

BreakerState = Literal["closed", "open", "half-open"]
Outcome = Literal["ok", "failed", "timeout", "refused", "cancelled"]


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The breaker went from one state to another (or into the same one again, when an operator forced it).

    Attributes:
        reason: what drove it: "failure-rate", "slow-rate", "probe-due", "probe-failed", "probe-slow",
            "probes-passed" or "forced".
        open_for_s: seconds until the next probe; None unless the breaker is open.
    """

    name: str
    old: BreakerState
    new: BreakerState
    reason: str
    open_for_s: float | None = None


@dataclass(frozen=True, slots=True)
class CallRejected:
    """The breaker turned a call away; `state` says whether it was open or all half-open permits were out."""

    name: str
    state: BreakerState


@dataclass(frozen=True, slots=True)
class CallFinished:
    """A guarded call that reached the dependency is over.

    Attributes:
        outcome: "ok"; "failed"; "timeout"; "refused" (an error that says nothing against the dependency);
            "cancelled" by the caller.
        duration_s: seconds on the dependency, waiting for a slot not included.
        first_item_s: seconds to the first item of a stream; None for a plain call or when none came.
    """

    name: str
    outcome: Outcome
    duration_s: float
    first_item_s: float | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """Attempt number `attempt` (from 1) failed with `error` (a type's name); the next follows in `delay_s` seconds."""

    name: str
    attempt: int
    delay_s: float
    error: str


@dataclass(frozen=True, slots=True)
class RetryBudgetExhausted:
    """A retry that was otherwise due did not happen, because the budget holds no token."""

    name: str


@dataclass(frozen=True, slots=True)
class LimitChanged:
    """The number of concurrent calls allowed went from `old` to `new`."""

    name: str
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Shed:
    """A caller was turned away for load.

    Attributes:
        reason: "queue-full", "would-wait-too-long" or "waited-too-long".
        waited_s: seconds it had waited; 0 when turned away at the door.
    """

    name: str
    priority: Priority
    reason: str
    waited_s: float = 0.0


ResilienceEvent = BreakerChanged | CallRejected | CallFinished | Retried | RetryBudgetExhausted | LimitChanged | Shed
Observer = Callable[[ResilienceEvent], None]
