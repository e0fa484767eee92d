import pytest

from evals.errors import CannotMeasure
from evals.load.plan import LatencyOptions
from evals.load.slo import Slo
from evals.runs import Run, save_run
from evals.sweep.run import SweepOptions, parse_rates, sweep

BASE = LatencyOptions(url="http://127.0.0.1:1", duration_s=1.0, seed=7)
SLO = Slo(e2e=1.0)


@pytest.fixture
def measured(figures):
    """What was measured, and the function that measures."""
    asked = []

    def measure(options, folder):
        asked.append(options)
        summary = figures(options.rate_rps)
        if folder is not None:
            folder.mkdir(parents=True)
            config = options.as_config() | {"slo": SLO.told()}
            save_run(folder, Run.made_here("latency", 0.0, options.seed, config, summary), [{"e2e_s": 1.0}])
        return summary

    return asked, measure


def rates_of(points):
    return [point.rate_rps for point in points]


def test_rates_rise_until_the_objective_breaks_and_then_close_in(measured):
    asked, measure = measured
    points = list(sweep(BASE, SweepOptions([10, 20, 40, 80, 160], SLO), measure, None))
    assert rates_of(points) == [10, 20, 40, 80, 56.57, 47.57]
    assert [point.kept for point in points] == [True, True, True, False, False, True]
    assert [options.seed for options in asked] == [7, 8, 9, 10, 11, 12]


def test_nothing_is_refined_where_nothing_breaks_or_everything_does(measured):
    _, measure = measured
    assert rates_of(sweep(BASE, SweepOptions([10, 20], SLO), measure, None)) == [10, 20]
    assert rates_of(sweep(BASE, SweepOptions([80, 160], SLO), measure, None)) == [80]


def test_a_sweep_that_was_stopped_goes_on_where_it_was(measured, tmp_path):
    pytest.importorskip("pyarrow")
    asked, measure = measured
    options = SweepOptions([10, 20, 40], SLO)
    begun = sweep(BASE, options, measure, tmp_path)
    next(begun), next(begun)
    assert rates_of(sweep(BASE, options, measure, tmp_path)) == [10, 20, 40]
    assert rates_of(asked) == [10, 20, 40]


def test_runs_of_other_options_and_stopped_ones_are_not_mixed_in(measured, tmp_path):
    pytest.importorskip("pyarrow")
    _, measure = measured
    list(sweep(BASE, SweepOptions([10], SLO), measure, tmp_path))
    with pytest.raises(CannotMeasure, match="other options"):
        list(sweep(BASE, SweepOptions([10], Slo(e2e=2.0)), measure, tmp_path))

    def stopped(options, folder):
        return measure(options, None) | {"interrupted": True}

    folder = tmp_path / "rate-20"
    folder.mkdir()
    wanted = LatencyOptions(url=BASE.url, duration_s=1.0, seed=7, rate_rps=20.0)
    config = wanted.as_config() | {"slo": SLO.told()}
    save_run(folder, Run.made_here("latency", 0.0, 7, config, stopped(wanted, None)), [{"e2e_s": 1.0}])
    with pytest.raises(CannotMeasure, match="was stopped"):
        list(sweep(BASE, SweepOptions([20.0], SLO), measure, tmp_path))


@pytest.mark.parametrize(
    ("text", "first"),
    [("1,2,4", [1, 2, 4]), ("0.5, 1", [0.5, 1]), ("1,2,4..", [1, 2, 4, 8, 16]), ("10,15..", [10, 15, 22.5])],
)
def test_rates_are_read(text, first):
    rates = parse_rates(text)
    assert rates[: len(first)] == first
    assert (len(rates) == 100) is text.endswith("..")


@pytest.mark.parametrize("text", ["", "a", "1,,2", "nan", "2..", "0,1.."])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(CannotMeasure, match="--rates"):
        parse_rates(text)


@pytest.mark.parametrize("rates", [[], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
def test_rates_rise(rates):
    with pytest.raises(CannotMeasure, match="rising"):
        SweepOptions(rates, SLO)


def test_an_objective_is_needed():
    with pytest.raises(CannotMeasure, match="--slo"):
        SweepOptions([1.0], Slo())
