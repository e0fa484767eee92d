"""Real vLLM servers on this machine's CPU: `make test-vllm`. Without them nothing here is collected."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.lab.vllm import make_model
from tests.support.processes import Environment, serving, steadyrag
from tests.vllm.server import VllmServer

PYTHON = os.environ.get("STEADYRAG_TEST_VLLM_PYTHON", "")
collect_ignore_glob = [] if PYTHON else ["test_*.py"]


def pytest_configure():
    """Told to end, end as by the keyboard: with the servers stopped."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory, pytestconfig) -> Iterator[dict[str, VllmServer]]:
    """The servers "small" and "large", with a model each; both also serve theirs as "twin"."""
    folder = tmp_path_factory.mktemp("vllm")
    servers = {}
    try:
        for seed, name in enumerate(("small", "large")):
            docs = Path(pytestconfig.rootpath / "docs").rglob("*.md")
            model = make_model(PYTHON, folder / name, seed, docs, os.environ)
            servers[name] = VllmServer(PYTHON, model, [name, "twin"], folder / f"{name}.log")
            servers[name].start()
        for server in servers.values():
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture
def small(fleet):
    return fleet["small"]


@pytest.fixture
def large(fleet):
    """Running, whatever the test before did to it."""
    fleet["large"].restore()
    return fleet["large"]


@pytest.fixture(scope="module")
def service(fleet, tmp_path_factory, model_folder, pytestconfig):
    """`steadyrag serve` over the two, with this project's documentation."""
    environment = Environment(
        tmp_path_factory.mktemp("data"),
        model_folder,
        index__shards=1,
        limits__min_free_bytes=0,
        models__small=f"{fleet['small'].base_url}#small",
        models__large=f"{fleet['large'].base_url}#large",
    )
    with serving(environment) as served:
        served.environment = environment
        done = steadyrag(environment, "ingest", "docs", "--url", served.url, cwd=pytestconfig.rootpath)
        assert done.returncode == 0, done.stderr
        yield served
