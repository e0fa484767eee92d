from __future__ import annotations

import pytest

from router.backends.outliers import OutlierConfig, Outliers
from tests.support.clock import FakeClock

CONFIG = OutlierConfig(samples=4, ejected_s=20)


def outliers(clock: FakeClock, names: str = "abcd", config: OutlierConfig = CONFIG) -> Outliers:
    return Outliers(names, config, clock.monotonic)


def answers(judged: Outliers, times: int = 2, **first_token_s: float) -> None:
    for name, seconds in first_token_s.items():
        for _ in range(times):
            judged.answered(name, seconds)


def test_one_that_is_much_slower_than_the_others_is_ejected_for_a_while(clock: FakeClock) -> None:
    judged = outliers(clock)
    answers(judged, a=0.1, b=0.12, c=0.2, d=2.0)
    assert judged.ejected == {"d"}
    clock.advance(19.9)
    assert judged.ejected == {"d"}
    clock.advance(0.2)
    assert not judged.ejected


def test_it_is_judged_afresh_when_it_is_back(clock: FakeClock) -> None:
    judged = outliers(clock)
    answers(judged, a=0.1, b=0.1, c=0.1, d=2.0)
    clock.advance(21)
    judged.answered("d", 2.0)
    assert not judged.ejected, "one answer is no judgement"
    judged.answered("d", 2.0)
    assert judged.ejected == {"d"}


@pytest.mark.parametrize("seconds", [0.29, 0.34], ids=["less than three times", "less than a quarter of a second"])
def test_a_little_slower_is_no_outlier(clock: FakeClock, seconds: float) -> None:
    judged = outliers(clock)
    answers(judged, a=0.1, b=0.1, c=0.1, d=seconds)
    assert not judged.ejected


def test_all_slow_is_the_models_pace(clock: FakeClock) -> None:
    judged = outliers(clock)
    answers(judged, a=5.0, b=6.0, c=4.0, d=5.0)
    assert not judged.ejected


def test_calls_that_fail_in_a_row_eject_and_one_that_does_not_ends_the_row(clock: FakeClock) -> None:
    judged = outliers(clock)
    judged.failed("a")
    judged.failed("a")
    judged.answered("a", 0.1)
    judged.failed("a")
    judged.failed("a")
    assert not judged.ejected
    judged.failed("a")
    assert judged.ejected == {"a"}


@pytest.mark.parametrize(("names", "most"), [("a", 0), ("ab", 1), ("abc", 1), ("abcd", 2)])
def test_never_more_than_the_share(clock: FakeClock, names: str, most: int) -> None:
    judged = outliers(clock, names)
    for name in names * CONFIG.failures:
        judged.failed(name)
    assert len(judged.ejected) == most


def test_an_ejected_one_is_no_measure_for_the_others(clock: FakeClock) -> None:
    judged = outliers(clock, "ab")
    answers(judged, a=0.1, b=2.0)
    assert judged.ejected == {"b"}
    answers(judged, 4, a=9.0)
    assert judged.ejected == {"b"}
