"""Beside an experiment: tells the load what is being done, and gives the experiment up when the harm is too great.

    controls:
      - name: abort
        provider: {type: python, module: chaos.toolkit.control, arguments: {availability_below: 0.5, for_s: 10}}

Chaos Toolkit calls the functions by their names. The harm is looked at whenever the hypothesis has been.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaoslib.exit import exit_gracefully

from chaos.load.traffic import ABORT, ACTIVITY
from chaos.toolkit.calls import Configuration, activity, address, call, note


@activity
async def before_activity_control(
    context: Mapping[str, Any], configuration: Configuration, availability_below: float, for_s: float
) -> None:
    """Write into the diary what is done."""
    if context["type"] == "action":
        await note(configuration, ACTIVITY, str(context["name"]))


@activity
async def after_hypothesis_control(
    context: Mapping[str, Any], configuration: Configuration, availability_below: float, for_s: float
) -> None:
    """End the experiment where too little was answered for too long; its rollbacks are played."""
    figures = await call("GET", address(configuration, "load_url", f"/figures?window_s={for_s}"))
    share = figures["availability"]
    if share is not None and share < availability_below and figures["at_s"] >= for_s:
        await note(configuration, ABORT, f"availability {share:.2f} over {for_s:g} s", f"below {availability_below:g}")
        exit_gracefully()
