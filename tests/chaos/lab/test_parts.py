from pathlib import Path

import pytest

from chaos.errors import CannotRun
from chaos.lab import parts
from chaos.lab.forwarder import Forwarder
from chaos.lab.options import LabOptions
from chaos.lab.parts import Parts, redis_program
from chaos.lab.plan import Plan
from rag.settings import load_settings


@pytest.fixture
def make(tmp_path):
    def make(**options):
        plan = Plan.make(2)
        return Parts(LabOptions(**options), plan, tmp_path, Path("cache"), Forwarder(plan.replicas), lambda *_: None)

    return make


def settings_of(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_a_replica_speaks_to_the_proxy_alone(make, monkeypatch, tmp_path):
    made = make(shards=3)
    settings = settings_of(made.environment("api-1"), monkeypatch)
    listen = made.plan.listen
    assert settings.data_dir == tmp_path / "api-1"
    assert settings.index.url == f"qdrant://127.0.0.1:{listen['qdrant']}"
    assert settings.index.shards == 3
    assert settings.log.url == f"redis://127.0.0.1:{listen['redis-log']}/0"
    assert settings.cache.store == f"redis://127.0.0.1:{listen['redis']}/0"
    assert settings.models.small == f"http://127.0.0.1:{listen['model-small']}/v1#small"
    assert settings.models.large == f"http://127.0.0.1:{listen['model-large']}/v1#large"


def test_settings_of_the_experiment_go_before_the_labs(make, monkeypatch):
    made = make(settings={"resilience__breakers": "false", "retrieval__hot_entries": "7"})
    settings = settings_of(made.environment("api-0"), monkeypatch)
    assert not settings.resilience.breakers
    assert settings.retrieval.hot_entries == 7


def test_every_child_has_a_name(make):
    made = make()
    names = [child.name for child in (*made.backends(), *made.replicas())]
    assert names == ["redis", "redis-log", "qdrant", "model-small", "model-large", "proxy", "api-0", "api-1"]


def test_without_redis_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(parts.shutil, "which", lambda _: None)
    with pytest.raises(CannotRun, match="run: apt-get install redis-server"):
        redis_program()
