"""The experiments that ship are ones in Chaos Toolkit's own judgement, and whole in ours."""

import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from chaos.analysis.verdict import NO_BOUNDS
from chaos.catalogue import FOLDER, Experiment, experiments, named
from chaos.errors import BadExperiment
from chaos.lab.options import LabOptions
from chaos.target import NEEDS

CORE = {
    *("vector-db-latency", "vector-db-down", "one-shard-slow", "redis-stall", "large-model-stall"),
    "spike-10x-with-slow-db",
}
FURTHER = {
    *("one-shard-down", "redis-down", "redis-flush", "small-model-down", "large-model-errors-429", "stream-cut"),
    *("slow-client", "embedder-slow", "spike-10x", "rolling-restart"),
}


@pytest.fixture(params=sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def experiment(request):
    return Experiment.read(request.param)


def test_the_sixteen_are_there_the_core_ones_first():
    known = experiments()
    assert {each.name for each in known[:6]} == CORE
    assert {each.name for each in known[6:]} == FURTHER


def test_chaos_toolkit_accepts_it(experiment):
    ensure_experiment_is_valid(dict(experiment.content))


def test_it_says_what_our_reports_want_to_know(experiment):
    about = experiment.about
    assert about["blast_radius"].endswith(".")
    assert about["affected"] in {"all", "some"}
    assert experiment.needs in NEEDS
    assert about.get("sweep", "rate_rps") in experiment.configuration
    for name, bound in about["targets"].items():
        assert name in NO_BOUNDS or len(bound) == 2
    assert set(about.get("lab", {})) <= set(LabOptions.__dataclass_fields__)


def test_every_address_that_it_needs_is_configured(experiment):
    assert {*NEEDS[experiment.needs], "load_url"} <= set(experiment.configuration)


def test_what_is_begun_is_ended_in_the_method_and_as_rollback(experiment):
    names = [each["provider"]["func"] for each in experiment.content["method"]]
    ends = {
        "add_toxic": "remove_toxic",
        "cut_connection": "mend_connection",
        "add_faults": "remove_faults",
        "pause_process": "resume_process",
        "kill_process": "restart_process",
        "flush_redis": "end_flush",
        "spike": "end_spike",
        "start_slow_clients": "stop_slow_clients",
    }
    begun = [name for name in names if name in ends]
    rollbacks = [each["provider"]["func"] for each in experiment.content["rollbacks"]]
    assert begun or names == ["phase", "phase", "rolling_restart", "phase"]
    for name in begun:
        assert ends[name] in names
        assert ends[name] in rollbacks


def test_it_can_be_given_up(experiment):
    (control,) = experiment.content["controls"]
    assert control["provider"]["module"] == "chaos.toolkit.control"
    assert 0 < control["provider"]["arguments"]["availability_below"] < 1


def test_a_weak_fault_may_cost_nothing():
    (latency,) = named("vector-db-latency")
    assert latency.expected_labels({"latency_ms": 2_000}) == ["dense-unavailable", "shards:*", "embedder-unavailable"]
    assert latency.expected_labels({"latency_ms": 50}) == []
    (down,) = named("vector-db-down")
    assert down.expected_labels(down.configuration) == ["dense-unavailable", "shards:*", "embedder-unavailable"]


def test_names_choose():
    assert {each.name for each in named("core")} == CORE
    assert {each.name for each in named("all")} == CORE | FURTHER
    assert [each.name for each in named("redis-down")] == ["redis-down"]
    with pytest.raises(BadExperiment, match="no experiment 'nothing'; there are all, core, "):
        named("nothing")


def test_a_file_that_is_none_is_refused_in_a_line(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("title: [")
    with pytest.raises(BadExperiment, match=r"broken\.yaml is no experiment"):
        Experiment.read(broken)
    broken.write_text("title: others'")
    with pytest.raises(BadExperiment, match="no experiment with an extension 'steadyrag'"):
        Experiment.read(broken)
