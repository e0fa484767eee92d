"""Several runs: whose seeds, folders and figures they are. What a run does is tested with the runner."""

import pytest

from chaos import runner
from chaos.campaign import Campaign
from chaos.catalogue import named
from chaos.errors import CannotRun
from chaos.runner import Plan
from chaos.target import Target

TARGET = Target("http://127.0.0.1:1", "http://127.0.0.1:2")
LATENCY, SPIKE, RESTART, DOWN = (
    named(name)[0] for name in ("vector-db-latency", "spike-10x", "rolling-restart", "vector-db-down")
)


@pytest.fixture
def ran(monkeypatch):
    """Runs that do nothing: they break where the database takes longer than a second; yields what was run."""
    calls = []

    async def run(experiment, target, plan, folder):
        calls.append((experiment.name, plan.seed, dict(plan.configuration), folder))
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        broken = plan.configuration.get("latency_ms", 0) > 1_000
        return {
            "experiment": experiment.name,
            "seed": plan.seed,
            "verdict": "fail" if broken else "pass",
            "reasons": ["too slow"] if broken else [],
            "deviated": broken,
            "availability": 1.0,
            "unlabelled_degraded": 0,
            "over_deadline": 0,
            "p95_ratio": 1.0 + plan.seed / 100,
            "p99_ratio": 1.0,
            "time_to_open_s": 1.0,
            "recovery_s": 2.0,
            "phases": {"fault": {"p95_ms": 10.0}},
        }

    monkeypatch.setattr(runner, "run", run)
    return calls


async def test_experiments_run_one_after_another_each_in_its_folder(ran, tmp_path):
    with Campaign(Plan(seed=5), tmp_path, runs=1, target=TARGET, vllm=None) as campaign:
        figures = await campaign.run([LATENCY, SPIKE])
    assert [each["experiment"] for each in figures] == ["vector-db-latency", "spike-10x"]
    assert campaign.folders == [tmp_path / "vector-db-latency", tmp_path / "spike-10x"]
    assert [call[1] for call in ran] == [5, 5]


async def test_several_runs_have_seeds_that_follow_and_a_median(ran, tmp_path):
    with Campaign(Plan(seed=5), tmp_path, runs=3, target=TARGET, vllm=None) as campaign:
        (figures,) = await campaign.run([SPIKE])
    assert [call[1] for call in ran] == [5, 6, 7]
    assert campaign.folders == [tmp_path / "spike-10x" / str(number) for number in (1, 2, 3)]
    assert (figures["p95_ratio"], figures["runs"]) == (1.06, 3)


async def test_without_a_place_results_are_gone_at_the_end(ran):
    with Campaign(Plan(), None, runs=1, target=TARGET, vllm=None) as campaign:
        await campaign.run([SPIKE])
        assert campaign.folders[0].exists()
    assert not campaign.folders[0].exists()


async def test_nothing_runs_where_one_cannot(ran, tmp_path):
    with (
        Campaign(Plan(), tmp_path, runs=1, target=TARGET, vllm=None) as campaign,
        pytest.raises(CannotRun, match="rolling-restart needs a lab"),
    ):
        await campaign.run([SPIKE, RESTART])
    assert ran == []


async def test_a_sweep_finds_the_breaking_point(ran, tmp_path):
    with Campaign(Plan(), tmp_path, runs=1, target=TARGET, vllm=None) as campaign:
        found = await campaign.sweep(LATENCY, [2_000, 50, 500])
    assert [call[2]["latency_ms"] for call in ran] == [2_000, 50, 500]
    assert (found["parameter"], found["holds_up_to"], found["breaks_at"]) == ("latency_ms", 500, 2_000)
    assert [(row["value"], row["verdict"], row["p95_ms"]) for row in found["table"]] == [
        (50, "pass", 10.0),
        (500, "pass", 10.0),
        (2_000, "fail", 10.0),
    ]


async def test_a_fault_without_strength_is_not_swept(ran, tmp_path):
    with (
        Campaign(Plan(), tmp_path, runs=1, target=TARGET, vllm=None) as campaign,
        pytest.raises(CannotRun, match="vector-db-down has no strength"),
    ):
        await campaign.sweep(DOWN, [1])


async def test_what_does_not_pass_is_run_again_and_told(ran, tmp_path):
    plan = Plan(seed=5, configuration={"latency_ms": 2_000})
    with Campaign(plan, tmp_path, retries=2, target=TARGET) as campaign:
        (figures,) = await campaign.run([LATENCY])
    assert [call[1] for call in ran] == [5, 6, 7]
    assert figures["verdict"] == "fail"
    assert figures["misses"] == [{"seed": seed, "verdict": "fail", "reasons": ["too slow"]} for seed in (5, 6)]
    assert [folder.name for folder in campaign.folders] == [
        "vector-db-latency",
        "vector-db-latency-again-1",
        "vector-db-latency-again-2",
    ]


async def test_what_passes_is_not_run_again(ran, tmp_path):
    with Campaign(Plan(), tmp_path, retries=2, target=TARGET) as campaign:
        (figures,) = await campaign.run([LATENCY])
    assert (len(ran), figures["misses"]) == (1, [])
