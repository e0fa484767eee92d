"""Lets requests in as far as the limits of their key and their tenant go, and charges them for what they used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.access.limits import DAY_S, Limit, LimitStore, MemoryLimits, Standing, Taken
from rag.errors import BudgetExceeded, DependencyFailed, LimitExceeded, SteadyragError, Unavailable
from rag.resilience.ladder import LIMITS
from rag.settings import AllowanceSettings, QuotaSettings
from rag.tasks import end
from rag.types import Clock, Principal

log = logging.getLogger(__name__)

#: What telling the store of used budgets may take, and how long until it is told again; nobody waits for it.
TELL_TIMEOUT_S, AGAIN_S = 2.0, 1.0
#: Why a request is turned away that no limit of its own turns away.
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Admission:
    """What a request is told at the door.

    Attributes:
        standings: how the limits stand that bind it.
        degraded: labels of what had to be done without.
        error: why it is turned away; None: it is let in.
        reason: the policy that turned it away, or `UNAVAILABLE`; "" if it is let in.
    """

    standings: Sequence[Standing] = ()
    degraded: tuple[str, ...] = ()
    error: SteadyragError | None = None
    reason: str = ""


class Limiter:
    """Limits of keys and tenants.

    What was used of budgets is added up here, and told to the store behind the answers until it has heard. While the
    store is gone each process counts for itself, as far as it knows, or nobody is let in.

    Args:
        quotas: who may take how much.
        clock: the source of time.
        store: the states that replicas share; None: this process is alone.
        timeout_s: what asking the store may add to an answer.
    """

    def __init__(
        self, quotas: QuotaSettings, clock: Clock, *, store: LimitStore | None = None, timeout_s: float = 0.0
    ) -> None:
        self._quotas = quotas
        self._clock = clock
        self._own = MemoryLimits(clock)
        self._store = store
        self._timeout_s = timeout_s
        self._untold: dict[Limit, float] = {}
        self._telling: asyncio.Task[None] | None = None

    async def admit(self, principal: Principal, *, spends: bool) -> Admission:
        """Let the caller's request in, which is then counted, or say why not.

        Args:
            principal: who comes.
            spends: whether answering may use any of a budget; if not, budgets do not bind it.
        """
        limits = [*self._buckets(principal), *(self._budgets(principal) if spends else ())]
        if not limits:
            return Admission()
        try:
            taken, degraded = await self._take(limits)
        except DependencyFailed as error:
            return Admission(error=error, reason=UNAVAILABLE)
        now = self._clock.now()
        standings = [Standing(limit, used, now) for limit, used in zip(limits, taken.used, strict=True)]
        if taken.open:
            return Admission(standings, degraded)
        closed = max((each for each in standings if not each.open), key=lambda each: each.wait_s)
        return Admission(standings, degraded, _refusal(closed), closed.limit.policy)

    def charge(self, principal: Principal, tokens: int, cost: float) -> None:
        """Count what an answer used, once that is known.

        Args:
            principal: who asked for it.
            tokens: read and written by the model.
            cost: in the unit of the models' prices.
        """
        amounts = {"tokens": tokens, "cost": cost}
        totals = {limit: self._own.charge(limit, amounts[limit.unit]) for limit in self._budgets(principal)}
        if self._store is None or not totals:
            return
        self._untold |= totals
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all(self._store), name="limits")

    async def aclose(self) -> None:
        """Tell the store what it has not heard, if it listens."""
        if self._telling is None or self._store is None:
            return
        await end(self._telling)
        try:
            await self._tell(self._store)
        except Unavailable as error:
            log.warning("what was used of %d budgets is lost: %s", len(self._untold), error.message)

    async def _take(self, limits: Sequence[Limit]) -> tuple[Taken, tuple[str, ...]]:
        """What the limits say, and how far that can be relied on.

        Raises:
            DependencyFailed: the store is gone, and without it nobody is let in.
        """
        if self._store is None:
            return await self._own.take(limits), ()
        try:
            return await self._store.take(limits, timeout_s=self._timeout_s), ()
        except Unavailable as error:
            if self._quotas.fail == "closed":
                gone = DependencyFailed("the limits cannot be checked, and nobody is let in without")
                raise gone.after(error.retry_after_s or 1) from error
            return await self._own.take(limits), (LIMITS.label,)

    async def _tell_all(self, store: LimitStore) -> None:
        while self._untold:
            try:
                await self._tell(store)
            except Unavailable as error:
                log.warning("the limits' store does not hear what was used: %s", error.message)
                await asyncio.sleep(AGAIN_S)

    async def _tell(self, store: LimitStore) -> None:
        totals = dict(self._untold)
        await store.tell(totals, timeout_s=TELL_TIMEOUT_S)
        for limit, total in totals.items():
            if self._untold[limit] == total:
                del self._untold[limit]

    def _buckets(self, principal: Principal) -> Iterator[Limit]:
        for allowance, holder in self._allowances(principal):
            if allowance.requests is not None:
                yield Limit(principal.tenant, holder, "requests", allowance.requests, allowance.window_s)

    def _budgets(self, principal: Principal) -> Iterator[Limit]:
        day = int(self._clock.now() // DAY_S)
        for allowance, holder in self._allowances(principal):
            if allowance.tokens_a_day is not None:
                yield Limit(principal.tenant, holder, "tokens", allowance.tokens_a_day, day=day)
            if allowance.cost_a_day is not None:
                yield Limit(principal.tenant, holder, "cost", allowance.cost_a_day, day=day)

    def _allowances(self, principal: Principal) -> tuple[tuple[AllowanceSettings, str], ...]:
        """What the key may take, and what the tenant may with all its keys."""
        quotas = self._quotas
        mine = quotas.keys.get(principal.id, quotas.key)
        ours = quotas.tenants.get(principal.tenant, quotas.tenant)
        return (mine, principal.id), (ours, "")


def _refusal(closed: Standing) -> SteadyragError:
    limit = closed.limit
    who = f"this {limit.bound}"
    if limit.day is None:
        told = f"{who} may make {limit.quota:,.0f} requests in {limit.window_s:,} s"
        return LimitExceeded(told).after(closed.wait_s)
    told = f"{who} has used its {limit.unit} of the day, {limit.quota:,g}; there will be more at midnight, UTC"
    return BudgetExceeded(told).after(closed.wait_s)
