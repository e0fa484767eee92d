"""A real experiment by Chaos Toolkit against a stub, and the folder that it leaves behind."""

import orjson
import pytest

from chaos import runner
from chaos.catalogue import named
from chaos.errors import CannotRun
from chaos.report.result import load
from chaos.runner import KEYS, Plan
from chaos.target import Target
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel

SPIKE, LATENCY = (named(name)[0] for name in ("spike-10x", "vector-db-latency"))
SHORT = Plan(seed=3, rate_rps=20.0, configuration={"baseline_s": 2, "fault_s": 2, "recovery_s": 4, "factor": 3})


@pytest.fixture
async def target():
    async with StubModel(Service(service_time_s=0.005, itl_s=0.001, events=2, slots=100)) as stub:
        yield Target(stub.url)


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    monkeypatch.setattr(runner, "WARM_UP_S", 0.5)


@pytest.mark.slow
async def test_a_run_leaves_all_that_its_figures_come_from(target, tmp_path):
    figures = await runner.run(SPIKE, target, SHORT, tmp_path / "run")
    assert set(KEYS) <= set(figures)
    assert (figures["experiment"], figures["seed"], figures["availability"]) == ("spike-10x", 3, 1.0)
    assert set(figures["phases"]) == {"baseline", "fault", "recovery"}
    assert figures["phases"]["fault"]["requests"] > 1.5 * figures["phases"]["baseline"]["requests"]
    folder = tmp_path / "run"
    kept = load(folder)
    assert kept.figures["p95_ratio"] == figures["p95_ratio"]
    assert [event["kind"] for event in kept.events] == ["phase", "fault-on", "phase", "fault-off", "phase"]
    assert kept.config["fault"]["value"] == 3
    assert orjson.loads((folder / "journal.json").read_bytes())["status"] == "completed"


@pytest.mark.slow
async def test_what_is_not_steady_is_not_broken_and_has_no_figures(tmp_path):
    async with StubModel(Service(slots=1, queue_limit=0, service_time_s=5.0)) as stub:
        figures = await runner.run(SPIKE, Target(stub.url), SHORT, tmp_path)
    assert figures["verdict"] == "invalid"
    assert figures["reasons"][0].startswith("not steady before the fault: ")
    assert figures["availability"] is None
    assert not (tmp_path / "run.json").exists()


async def test_a_target_that_lacks_what_is_needed_is_left_alone(target, tmp_path):
    with pytest.raises(CannotRun, match="needs the fault proxy"):
        await runner.run(LATENCY, target, SHORT, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_plan_puts_its_values_before_those_of_the_file():
    assert Plan().values(LATENCY)["latency_ms"] == 2_000
    values = Plan(requests=1_000, rate_rps=20.0, configuration={"latency_ms": 50}).values(LATENCY)
    assert (values["latency_ms"], values["rate_rps"]) == (50, 20.0)
    assert values["baseline_s"] == values["fault_s"] == values["recovery_s"] == 55
    assert Plan(most_rps=15.0).values(LATENCY)["rate_rps"] == 15.0
    assert Plan(most_rps=15.0).values(SPIKE)["rate_rps"] == 10
