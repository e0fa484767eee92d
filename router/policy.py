"""Which model answers, and which one when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from router.ports import ChatBackend

Tier = Literal["small", "large"]
Requested = Literal["auto", "small", "large"]
#: What serves instead of the chosen model.
Fallback = Literal["small", "extractive"]


@dataclass(frozen=True, slots=True)
class Route:
    """A decision, with the back end that it names, the reason, and the complexity score where one was computed."""

    tier: Tier
    backend: ChatBackend
    reason: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A back end to try; `fallback` names what it stands in as, None for the chosen one."""

    backend: ChatBackend
    fallback: Fallback | None = None


class Router:
    """Picks a back end for a question.

    Args:
        backends: the back end of each tier; both may be the same.
        default: the tier for callers that leave the choice to us.
        last_resort: answers when no model does; None when there is nothing below the models.
    """

    def __init__(
        self, backends: Mapping[Tier, ChatBackend], default: Tier = "small", last_resort: ChatBackend | None = None
    ) -> None:
        self._backends = backends
        self._default = default
        self._last_resort = last_resort

    def choose(self, requested: Requested) -> Route:
        """The route for a request."""
        if requested == "auto":
            return Route(self._default, self._backends[self._default], "default")
        return Route(requested, self._backends[requested], "requested")

    def steps(self, route: Route) -> Iterator[Step]:
        """The back ends to try in turn: the chosen one, the small model below a large one, the last resort."""
        yield Step(route.backend)
        if route.tier == "large":
            yield Step(self._backends["small"], "small")
        if self._last_resort is not None:
            yield Step(self._last_resort, "extractive")
