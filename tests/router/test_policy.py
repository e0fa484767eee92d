from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from router.policy import Requested, Router, Tier
from router.types import Chunk, Prompt


class Named:
    """A back end that is only looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        raise AssertionError("choosing must not call a model")
        yield Chunk()

    async def aclose(self) -> None:
        raise AssertionError("choosing must not close a model")


BACKENDS: dict[Tier, Named] = {"small": Named("tiny"), "large": Named("huge")}


@pytest.mark.parametrize(
    ("requested", "default", "tier", "reason"),
    [
        ("auto", "small", "small", "default"),
        ("auto", "large", "large", "default"),
        ("small", "large", "small", "requested"),
        ("large", "small", "large", "requested"),
    ],
)
def test_the_caller_chooses_before_the_default(requested: Requested, default: Tier, tier: Tier, reason: str) -> None:
    route = Router(BACKENDS, default).choose(requested)
    assert (route.tier, route.reason, route.score) == (tier, reason, None)
    assert route.backend is BACKENDS[tier]


def test_the_small_model_is_the_default() -> None:
    assert Router(BACKENDS).choose("auto").tier == "small"


@pytest.mark.parametrize(
    ("requested", "last_resort", "expected"),
    [
        ("large", True, [("huge", None), ("tiny", "small"), ("quotes", "extractive")]),
        ("large", False, [("huge", None), ("tiny", "small")]),
        ("small", True, [("tiny", None), ("quotes", "extractive")]),
        ("small", False, [("tiny", None)]),
    ],
)
def test_below_the_chosen_model_stand_the_small_one_and_the_last_resort(
    requested: Requested, last_resort: bool, expected: list[tuple[str, str | None]]
) -> None:
    router = Router(BACKENDS, last_resort=Named("quotes") if last_resort else None)
    steps = router.steps(router.choose(requested))
    assert [(step.backend.name, step.fallback) for step in steps] == expected
