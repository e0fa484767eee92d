"""The price list: what a replica of each part costs and does, as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.errors import CannotMeasure
from evals.planner.simulation import Station

#: The parts that serve a request, each with its own replicas.
PARTS = ("api", "embedder", "index", "redis", "small", "large")
MODELS = ("small", "large")


class Table(BaseModel):
    """Refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Table):
    """`[parts.NAME]`: one replica.

    Attributes:
        price_per_hour: of a replica, in `currency`.
        at_once: how many visits it serves side by side, each as fast as in the profile. For a model that is the number
            of answers up to which its inter-token latency stays what was measured.
        batch: visits that one run takes at most, and `shared` the part of a visit's time that a run spends once.
        least: replicas that stand there in any case, as for availability.
        service_ms: of a visit, instead of what was measured; 0 is as measured.
        model: by which name the profile's answers came from this model.
        unquantised: how many times as long an answer takes without the quantisation in use.
    """

    price_per_hour: float = Field(ge=0)
    at_once: int = Field(1, ge=1)
    batch: int = Field(1, ge=1)
    shared: float = Field(0.0, ge=0, le=1)
    least: int = Field(1, ge=1)
    service_ms: float = Field(0.0, ge=0)
    model: str | None = None
    unquantised: float = Field(1.0, ge=1)

    def station(self, replicas: int) -> Station:
        """So many replicas behind one balancer that knows who is idle."""
        return Station(replicas * self.at_once, self.batch, self.shared)


class Repetition(Table):
    """`[questions]`: how the share of questions that the cache answers grows with the load; see `growth`.

    Attributes:
        zipf: exponent of the questions' popularity.
        ttl_s: age past which a stored answer is not served.
    """

    zipf: float = Field(0.8, gt=0, le=2)
    ttl_s: float = Field(86_400, gt=0)


class Prices(Table):
    """The whole file."""

    parts: Mapping[str, Part]
    currency: str = "USD"
    questions: Repetition | None = None

    def per_hour(self, replicas: Mapping[str, int]) -> float:
        """What the replicas cost."""
        return sum(self.parts[name].price_per_hour * count for name, count in replicas.items())


def read_prices(path: Path) -> Prices:
    """The price list of the file.

    Raises:
        CannotMeasure: it cannot be read, or is not what it should be.
    """
    try:
        prices = Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise CannotMeasure(f"{path}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotMeasure(f"{path} cannot be read: {error}") from error
    if unknown := prices.parts.keys() - set(PARTS):
        raise CannotMeasure(f"{path}: there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return prices
