"""What experiments run against: a lab of their own, or a deployment whose owner said so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chaos.catalogue import Experiment
from chaos.errors import BadExperiment, CannotRun
from chaos.lab.lab import Lab
from chaos.lab.options import LabOptions
from evals.errors import CannotMeasure
from evals.load.client import parse_url
from evals.load.queue_model import Service

#: What an experiment goes through -> the addresses that it needs.
NEEDS = {"lab": ("url", "proxy_url", "control_url"), "proxy": ("url", "proxy_url"), "load": ("url",)}


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses, as an experiment's configuration names them; "" where there is none.

    Attributes:
        url: the service.
        proxy_url: the fault proxy's API.
        control_url: the lab's.
        redis_url: the store of the answer cache.
        api_key: a caller's, where the service wants one.
    """

    url: str
    proxy_url: str = ""
    control_url: str = ""
    redis_url: str = ""
    api_key: str | None = field(default=None, repr=False)

    def configuration(self) -> dict[str, str]:
        """Of an experiment; the key is the load's alone, so that no result holds it."""
        return {name: getattr(self, name) for name in ("url", "proxy_url", "control_url", "redis_url")}

    def require(self, experiment: Experiment) -> None:
        """See that it can be broken as the experiment wants to.

        Raises:
            CannotRun: it cannot.
        """
        missing = [name for name in NEEDS[experiment.needs] if not getattr(self, name)]
        if missing:
            what = "the fault proxy: name it with --proxy" if missing == ["proxy_url"] else "a lab: leave out --url"
            raise CannotRun(f"{experiment.name} needs {what}")


def deployment(url: str, proxy: str | None, *, owned: bool, api_key: str | None = None) -> Target:
    """A running deployment; no experiment goes near it unless its owner says so, on this machine as elsewhere.

    Raises:
        CannotRun: nobody says so, or an address is none.
    """
    if not owned:
        raise CannotRun(f"experiments break what they run against; if {url} is yours to break, say --i-own-this-target")
    try:
        at, through = (str(parse_url(each)).rstrip("/") if each else "" for each in (url, proxy))
        return Target(at, through, api_key=api_key)
    except CannotMeasure as error:
        raise CannotRun(error.message) from error


def lab_options(experiment: Experiment, **options: Any) -> LabOptions:
    """The lab that the experiment wants: `options` of `LabOptions`, and what its file says beside them.

    Raises:
        BadExperiment: its file wants what labs do not have.
    """
    wanted: dict[str, Any] = dict(experiment.about.get("lab", {}))
    try:
        if "model_service" in wanted:
            wanted["model_service"] = Service(**wanted["model_service"])
        settings = {name: str(value) for name, value in wanted.pop("settings", {}).items()}
        return LabOptions(**options, **wanted, settings=settings)
    except TypeError as error:
        raise BadExperiment(f"{experiment.path}, lab: {error}") from error


@asynccontextmanager
async def laboratory(options: LabOptions) -> AsyncIterator[Target]:
    """A lab while the block runs.

    Raises:
        CannotRun: it does not come up.
    """
    async with Lab(options) as lab:
        yield Target(lab.url, lab.proxy_url, lab.control_url, f"redis://{lab.connections['redis']}/0")
