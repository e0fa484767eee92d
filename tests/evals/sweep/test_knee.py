import pytest

from evals.sweep.knee import Point, knee, operating_point, summarise, sustainable


@pytest.fixture
def points(figures):
    return [Point.of(rate, figures(rate), 0.99) for rate in (5, 10, 20, 40, 80)]


def test_the_share_that_is_asked_for_decides(figures):
    summary = figures(10) | {"good": 989}
    assert not Point.of(10, summary, 0.99).kept
    assert Point.of(10, summary | {"good": 990}, 0.99).kept
    assert Point.of(10, figures(10, requests=0), 0.99).kept is False


def test_the_highest_rate_below_the_first_that_broke(points):
    assert sustainable(points).rate_rps == 40
    lucky = [*points, Point(160, 160, 160, 1.0, kept=True, errors=0, ttft_ms={}, e2e_ms={})]
    assert sustainable(lucky).rate_rps == 40
    assert sustainable(points[-1:]) is None


def test_the_knee_has_the_greatest_power(points):
    """With one queue, throughput over latency is rate (1 - load): greatest at half the capacity."""
    assert knee(points).rate_rps == 20
    silent = Point(1, 0.0, 0.0, 0.0, kept=False, errors=9, ttft_ms={}, e2e_ms={"p50": None})
    assert knee([silent]) is None


def test_the_operating_point_keeps_headroom_and_says_what_to_expect(points):
    where = operating_point(points, 0.25)
    assert where["rate_rps"] == 30
    low, high = points[2].e2e_ms["p50"], points[3].e2e_ms["p50"]
    assert where["e2e_ms"]["p50"] == pytest.approx((low + high) / 2)
    assert operating_point(points[-1:], 0.25) is None


def test_a_summary_is_sorted_and_says_whether_it_saw_the_end(points):
    found = summarise(points[::-1], 0.2)
    assert [point["rate_rps"] for point in found["points"]] == [5, 10, 20, 40, 80]
    assert (found["max_sustainable_rps"], found["knee_rps"], found["broke"], found["valid"]) == (40, 20, True, True)
    assert summarise(points[:2], 0.2)["broke"] is False


def test_one_run_that_measured_its_generator_spoils_the_sweep(figures):
    spoilt = Point.of(1, figures(1) | {"invalid_reasons": ["schedule lag"]}, 0.99)
    assert summarise([spoilt], 0.2)["valid"] is False
