"""A part that fails when it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class _Fault:
    error: BaseException
    afterwards: bool
    times: float


class Failing:
    """Hands everything to the real part, but for the calls that are to fail; a wrapper of the same type."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self._faults: dict[str, _Fault] = {}

    def fail(self, method: str, error: BaseException, *, afterwards: bool = False, times: float = float("inf")) -> None:
        """Let the next calls of an async method raise `error`: instead of their work, or afterwards."""
        self._faults[method] = _Fault(error, afterwards, times)

    def mend(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def __getattr__(self, name: str) -> Any:
        fault = self._faults.get(name)
        if fault is None or not fault.times:
            return getattr(self._part, name)
        fault.times -= 1

        async def call(*args: Any, **kwargs: Any) -> Any:
            if fault.afterwards:
                await getattr(self._part, name)(*args, **kwargs)
            raise fault.error

        return call
