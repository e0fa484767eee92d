from __future__ import annotations

import pytest

from rag.errors import BreakerOpen, Overloaded


@pytest.mark.parametrize(("seconds", "sent"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.2, 2), (30, 30)])
def test_retry_after_is_in_whole_seconds_from_one(seconds: float, sent: int) -> None:
    assert BreakerOpen("x").after(seconds).retry_after_s == sent


def test_retry_after_belongs_to_the_one_error() -> None:
    Overloaded("x").after(40)
    assert Overloaded("x").retry_after_s == 1
