"""Which model answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from router.ports import ChatBackend

Tier = Literal["small", "large"]
Requested = Literal["auto", "small", "large"]


@dataclass(frozen=True, slots=True)
class Route:
    """A decision, with the backend that it names, the reason, and the complexity score where one was computed."""

    tier: Tier
    backend: ChatBackend
    reason: str
    score: float | None = None


class Router:
    """Picks a back end for a question.

    Args:
        backends: the back end of each tier; both may be the same.
        default: the tier for callers that leave the choice to us.
    """

    def __init__(self, backends: Mapping[Tier, ChatBackend], default: Tier = "small") -> None:
        self._backends = backends
        self._default = default

    def choose(self, requested: Requested) -> Route:
        """The route for a request."""
        if requested == "auto":
            return Route(self._default, self._backends[self._default], "default")
        return Route(requested, self._backends[requested], "requested")
