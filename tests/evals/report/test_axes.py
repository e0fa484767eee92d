import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.report.axes import MOST_TICKS, Axis, number

POSITIVE = st.floats(1e-6, 1e9)


@given(st.lists(POSITIVE, min_size=1))
def test_an_axis_holds_its_values_and_round_ticks_that_do_not_crowd(values):
    axis = Axis.over("time", values)
    assert axis.low == 0
    assert axis.high >= max(values) * (1 - 1e-9)
    assert 2 <= len(axis.ticks()) <= MOST_TICKS + 1
    assert axis.ticks()[-1] == pytest.approx(axis.high)


@given(st.lists(POSITIVE, min_size=2))
def test_a_logarithmic_axis_holds_its_values(values):
    axis = Axis.over("time", [*values, None, math.nan], spread=0.5)
    assert axis.log
    assert axis.low <= min(values) * (1 + 1e-9)
    assert max(values) * (1 - 1e-9) <= axis.high
    assert axis.ticks()


@given(st.floats(1, 20_000))
def test_time_has_ticks_at_times_that_people_count_in(seconds):
    ticks = Axis("", 0, seconds, "s").ticks()
    assert len(ticks) <= MOST_TICKS + 1
    steps = {round(b - a, 6) for a, b in itertools.pairwise(ticks)}
    assert len(steps) <= 1


def test_ticks_of_two_minutes_are_half_minutes():
    assert Axis("", 0, 110, "s").ticks() == [0, 30, 60, 90]


@pytest.mark.parametrize(
    ("axis", "value", "share"),
    [
        (Axis("", 0, 10), 5, 0.5),
        (Axis("", 0, 10), 20, 1.0),
        (Axis("", 0, 10), -1, 0.0),
        (Axis("", 1, 100, log=True), 10, 0.5),
        (Axis("", 1, 100, log=True), 0, 0.0),
        (Axis("", 3, 3), 3, 0.0),
    ],
)
def test_where_a_value_stands(axis, value, share):
    assert axis.share(value) == pytest.approx(share)


def test_nothing_measured_still_gives_an_axis():
    assert Axis.over("", [None, math.nan, math.inf]).ticks()


def test_only_a_wide_spread_makes_it_logarithmic():
    assert not Axis.over("", [10, 100], spread=20).log
    assert Axis.over("", [10, 300], spread=20).log


def test_units():
    assert Axis("share", 0, 1, "%").tell(0.25) == "25%"
    assert (Axis("time", 0, 1, "s").title(), Axis("share", 0, 1, "%").title()) == ("time, s", "share")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (3.0, "3"),
        (1234.5, "1,234"),
        (12.34, "12.3"),
        (0.741, "0.741"),
        (0.00012345, "0.000123"),
        (-2.5, "−2.5"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_numbers_as_people_read_them(value, told):
    assert number(value) == told
