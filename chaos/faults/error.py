"""A dependency that answers with errors, at once: those that the ports promise and the adapters map theirs to."""

from __future__ import annotations

from typing import Literal

from chaos.faults.fault import Fault, Meeting
from rag.errors import DependencyFailed, DependencyTimeout, Overloaded, SteadyragError
from router.errors import ModelError, ModelOverloaded, ModelUnavailable, ModelUnreachable

How = Literal["failed", "timeout", "overloaded"]
PORTS: dict[How, type[SteadyragError]] = {
    "failed": DependencyFailed,
    "timeout": DependencyTimeout,
    "overloaded": Overloaded,
}
MODELS: dict[How, type[ModelError]] = {
    "failed": ModelUnreachable,
    "timeout": ModelUnavailable,
    "overloaded": ModelOverloaded,
}


class Failure(Fault):
    """Calls fail in one of three ways: down, late, or too busy."""

    kind: Literal["error"] = "error"
    error: How = "failed"

    async def meet(self, meeting: Meeting) -> None:
        """See `Fault`."""
        said = f"a fault at {meeting.seam} says: {self.error}"
        part, _, model = meeting.seam.partition(":")
        raise MODELS[self.error](said, model=model) if part == "model" else PORTS[self.error](said)
