import pytest

from chaos.catalogue import experiments, named
from chaos.errors import BadExperiment, CannotRun
from chaos.target import Target, deployment, lab_options

LATENCY, RESTART, SPIKE = (named(name)[0] for name in ("vector-db-latency", "rolling-restart", "spike-10x"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://rag.example"])
def test_nobody_breaks_what_nobody_owns(url):
    with pytest.raises(CannotRun, match="say --i-own-this-target"):
        deployment(url, None, owned=False)
    assert deployment(f"{url}/", None, owned=True) == Target(url)


def test_a_key_is_in_no_configuration_and_in_no_text():
    target = deployment("http://host:1", None, owned=True, api_key="secret")
    assert target.api_key == "secret"
    assert "secret" not in f"{target} {target.configuration()}"


def test_addresses_are_read():
    target = deployment("http://host:1", "http://proxy:2", owned=True)
    assert target.configuration() == {
        "url": "http://host:1",
        "proxy_url": "http://proxy:2",
        "control_url": "",
        "redis_url": "",
    }
    with pytest.raises(CannotRun, match="is not an http"):
        deployment("ftp://host", None, owned=True)


def test_a_target_must_have_what_the_fault_goes_through():
    bare, proxied = Target("http://host"), Target("http://host", "http://proxy")
    bare.require(SPIKE)
    proxied.require(LATENCY)
    with pytest.raises(CannotRun, match="needs the fault proxy: name it with --proxy"):
        bare.require(LATENCY)
    with pytest.raises(CannotRun, match="needs a lab: leave out --url"):
        proxied.require(RESTART)


@pytest.mark.parametrize("experiment", experiments(), ids=lambda each: each.name)
def test_each_experiment_wants_a_lab_that_can_be(experiment):
    assert lab_options(experiment, seed=3).seed == 3


def test_a_lab_is_made_as_the_experiment_wants_it():
    assert lab_options(RESTART).replicas == 2
    assert lab_options(named("large-model-stall")[0]).settings == {"resilience__first_token_s": "1"}


def test_what_labs_do_not_have_is_refused():
    content = {"extensions": [{"name": "steadyrag", "lab": {"moons": 2}}]}
    with pytest.raises(BadExperiment, match="moons"):
        lab_options(type(SPIKE)("x", SPIKE.path, content))
