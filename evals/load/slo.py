"""A service level objective for single requests, as `ttft=0.5,e2e=2`."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, fields
from typing import Self

from evals.errors import CannotMeasure
from evals.load.records import Record


@dataclass(frozen=True, slots=True)
class Slo:
    """Upper bounds in seconds; without any, every answer is good.

    Attributes:
        ttft: to the first content.
        itl: mean gap between contents.
        e2e: to the last byte.
    """

    ttft: float = math.inf
    itl: float = math.inf
    e2e: float = math.inf

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name=seconds` pairs, separated by commas.

        Raises:
            CannotMeasure: an unknown name, or a bound that is not a positive number.
        """
        names = [field.name for field in fields(cls)]
        bounds: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            try:
                bounds[name] = float(value)
            except ValueError:
                bounds[name] = math.nan
            if name not in names or not bounds[name] > 0:
                raise CannotMeasure(f"{part!r} is no objective: {'=, '.join(names)}= and seconds, as in ttft=0.5,e2e=2")
        return cls(**bounds)

    def told(self) -> str:
        """As `parse` reads it."""
        bounds = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ",".join(f"{name}={bound:g}" for name, bound in bounds if bound < math.inf)

    def met_by(self, record: Record) -> bool:
        """Whether the request was answered within every bound. An error is a miss.

        An answer without content has no first content, so the bound on it holds for the end.
        """
        if record.error is not None:
            return False
        ttft_s = record.e2e_s if record.ttft_s is None else record.ttft_s
        itl_s = statistics.fmean(record.itl_s) if record.itl_s else 0.0
        return ttft_s <= self.ttft and itl_s <= self.itl and record.e2e_s <= self.e2e
