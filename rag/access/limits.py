"""Limits: token buckets of requests, budgets of a day, and what a request finds of them.

A token bucket (RFC 2697 meters by one) holds `quota` tokens and is filled evenly in `window_s`; a request takes one. It
is kept the other way round, as what is used and drains, so that a full one needs no state. A budget begins anew at
midnight, UTC. What a request uses of it is known only afterwards: it is let in while anything is left, and charged when
it is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from rag.types import Clock

DAY_S = 86_400
#: What a limit counts.
Unit = Literal["requests", "tokens", "cost"]
#: Whom a limit binds: one key, or a tenant with all its keys.
Bound = Literal["key", "tenant"]
UNITS: tuple[Unit, ...] = ("requests", "tokens", "cost")
POLICIES = tuple(f"{bound}-{unit}" for bound in ("key", "tenant") for unit in UNITS)
#: What sums of floats may be off by: a clock of seconds since the epoch alone, by 2e-7 of a second's requests.
SLACK = 1e-3
#: Less than this is nothing.
LEAST: Mapping[Unit, float] = {"requests": 1 - SLACK, "tokens": 1 - SLACK, "cost": 1e-9}


@dataclass(frozen=True, slots=True)
class Limit:
    """What one may take.

    Attributes:
        tenant: whose limit it is.
        holder: the key that it binds; "" for the tenant with all its keys.
        unit: what is counted; only requests come in buckets.
        quota: how much there is.
        window_s: seconds in which an empty bucket is filled; a budget's day.
        day: the day that a budget is for, counted from the Unix epoch; None for a bucket.
    """

    tenant: str
    holder: str
    unit: Unit
    quota: float
    window_s: int = DAY_S
    day: int | None = None

    @property
    def bound(self) -> Bound:
        """Whom it binds."""
        return "key" if self.holder else "tenant"

    @property
    def policy(self) -> str:
        """What it is called, whoever is bound."""
        return f"{self.bound}-{self.unit}"

    @property
    def name(self) -> str:
        """What it is called within the tenant: a state is kept under it."""
        day = "" if self.day is None else f":{self.day}"
        return f"{self.unit}:{self.holder}{day}"

    @property
    def least(self) -> float:
        """What must be left for a request to be let in."""
        return LEAST[self.unit]

    def drained(self, used: float, since_s: float) -> float:
        """What of a bucket is used, `since_s` seconds after `used` was, of which no more counts than the quota."""
        return max(0.0, min(self.quota, used) - since_s * self.quota / self.window_s)


class Taken(NamedTuple):
    """What a request found: whether all limits let it in, and what of each is used, itself counted in if they did."""

    open: bool
    used: Sequence[float]


class LimitStore(Protocol):
    """Where the states of limits are: in this process, or where replicas share them."""

    async def take(self, limits: Sequence[Limit], *, timeout_s: float) -> Taken:
        """Take a request from every bucket, in one step, if there is something left of every limit; else from none.

        Args:
            limits: all of one tenant; none asks only whether anybody answers.
            timeout_s: bound of the call, seconds.
        """

    async def tell(self, totals: Mapping[Limit, float], *, timeout_s: float) -> None:
        """What this process has used of budgets in all; may be told again, and the largest of what was told holds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a limit stands for a caller at a moment.

    Attributes:
        used: of its quota.
        now: the moment, seconds since the epoch.
    """

    limit: Limit
    used: float
    now: float

    @property
    def left(self) -> float:
        """What is left of the quota, at least 0."""
        return max(0.0, self.limit.quota - self.used)

    @property
    def open(self) -> bool:
        """Whether it lets a request in."""
        return self.left >= self.limit.least

    @property
    def wait_s(self) -> float:
        """Seconds until it lets a request in, or, where it does, until the whole quota is back."""
        limit = self.limit
        if limit.day is not None:
            return max(0.0, (limit.day + 1) * DAY_S - self.now)
        missing = self.used if self.open else 1 - self.left
        return missing * limit.window_s / limit.quota


class MemoryLimits:
    """A `LimitStore` of one process: as long as it lives.

    Args:
        clock: drains the buckets.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        self._totals: dict[tuple[str, str], float] = {}
        self._day: int | None = None

    async def take(self, limits: Sequence[Limit], *, timeout_s: float = math.inf) -> Taken:
        """See `LimitStore`."""
        now = self._clock.monotonic()
        used = [self._used(limit, now) for limit in limits]
        if any(limit.quota - each < limit.least for limit, each in zip(limits, used, strict=True)):
            return Taken(False, used)
        for place, limit in enumerate(limits):
            if limit.day is None:
                used[place] += 1
                self._buckets[limit.tenant, limit.name] = used[place], now
        return Taken(True, used)

    async def tell(self, totals: Mapping[Limit, float], *, timeout_s: float = math.inf) -> None:
        """See `LimitStore`."""
        for limit, total in totals.items():
            self.charge(limit, total - self._totals.get((limit.tenant, limit.name), 0.0))

    def charge(self, limit: Limit, amount: float) -> float:
        """Add to what was used of a budget; gives back its total."""
        if limit.day != self._day:
            self._day = limit.day
            self._totals.clear()
        key = limit.tenant, limit.name
        total = self._totals[key] = self._totals.get(key, 0.0) + max(0.0, amount)
        return total

    def _used(self, limit: Limit, now: float) -> float:
        key = limit.tenant, limit.name
        if limit.day is not None:
            return self._totals.get(key, 0.0)
        used, at = self._buckets.get(key, (0.0, now))
        return limit.drained(used, now - at)
