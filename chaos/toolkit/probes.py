"""What an experiment asks: how the load fares over the last seconds, and how the service sees itself."""

from __future__ import annotations

from typing import Any

from chaos.errors import BadRequest
from chaos.toolkit.calls import Configuration, activity, address, call


@activity
async def availability(configuration: Configuration, window_s: float = 5.0, of: str = "asked") -> float:
    """Share of the requests of the last seconds that were answered.

    Args:
        configuration: of the experiment.
        window_s: how far back.
        of: "asked", or "admitted" where honest refusals (429 and 503) are expected.

    Raises:
        BadRequest: nothing was asked.
    """
    figures = await _figures(configuration, window_s)
    share = figures["availability" if of == "asked" else "availability_of_admitted"]
    if share is not None:
        return float(share)
    if figures["overdue"]:
        return 0.0
    raise BadRequest(f"no request has ended in the last {window_s:g} s")


@activity
async def p95_ms(configuration: Configuration, window_s: float = 5.0) -> float:
    """95th percentile of the time to the last byte, those included that wait for longer than a second.

    Raises:
        BadRequest: nothing was answered, and nothing waits.
    """
    value = (await _figures(configuration, window_s))["p95_ms"]
    if value is None:
        raise BadRequest(f"nothing was answered in the last {window_s:g} s")
    return float(value)


@activity
async def goodput_rps(configuration: Configuration, window_s: float = 5.0) -> float:
    """Undegraded answers a second."""
    return float((await _figures(configuration, window_s))["goodput_rps"])


@activity
async def degraded_share(configuration: Configuration, window_s: float = 5.0) -> float:
    """Share of the answers that bear a label; 0 without answers."""
    return float((await _figures(configuration, window_s))["degraded_share"] or 0.0)


@activity
async def unlabelled_degraded(configuration: Configuration) -> int:
    """Answers so far that the fault had to reach and that say nothing of it."""
    return int((await _figures(configuration, 5.0))["unlabelled_degraded"])


@activity
async def breaker_state(name: str, configuration: Configuration) -> str:
    """State of a breaker, as "index" or "model:large", of whichever replica answers.

    Raises:
        BadRequest: there is no such breaker.
    """
    breakers = (await call("GET", address(configuration, "url", "/admin/breakers")))["breakers"]
    states = {breaker["name"]: str(breaker["state"]) for breaker in breakers}
    if name not in states:
        raise BadRequest(f"no breaker {name!r}; there are {', '.join(sorted(states))}")
    return states[name]


@activity
async def ready(configuration: Configuration) -> bool:
    """Whether a replica of the service says that it is ready."""
    answer = await call("GET", address(configuration, "url", "/ready"), known=(503,))
    return bool(answer and answer["ready"])


async def _figures(configuration: Configuration, window_s: float) -> dict[str, Any]:
    figures: dict[str, Any] = await call("GET", address(configuration, "load_url", f"/figures?window_s={window_s}"))
    return figures
