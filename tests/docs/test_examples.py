"""Every example of the documentation, run against one service over this documentation.

Commands of `steadyrag` run in this process, the rest in a shell, each block from top to bottom. What is not run stands
in `NOT_RUN` with its reason; that its commands and options exist tests/project/test_readme.py checks all the same.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from evals.planner.prices import read_prices
from evals.runs import Run, prepare_folder, save_run
from evals.suite.plan import read_suite
from rag.settings import load_settings
from tests.support import folders
from tests.support.command import Command
from tests.support.markdown import ROOT, SHELL, blocks, commands, logical_lines
from tests.support.processes import Environment, serving, steadyrag
from tests.support.profiled import RECORDS

BLOCKS = [block for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) for block in blocks(page)]
#: What a line, with its page behind it, matches -> why it is not run here.
NOT_RUN = {
    r"^make ": "sets up the machine or measures for minutes; what `make run` calls is run here",
    r"^python3 -m venv|pip install ": "downloads packages; that the extras exist is checked below",
    r"serve --host": "leaves the loopback",
    r"ingest docs \(docs/bring": "exports a second embedding model, which a hub would have to give",
    r"^for |^locust ": "needs vLLM on a GPU, or Locust",
    r"eval (answers|cache|latency|retrieval|routing|sweep) ": "measures for minutes; see tests/evals",
    r"eval (plan|profile|report|soak|suite) ": "takes minutes, or what those above leave; see tests/evals",
    r"(cache|router) (train|calibrate) ": "trains on questions of the user's; see tests/evals",
    r"chaos (proxy|report|run|sweep) |-m chaos.lab|CONTROL/": "breaks a lab for minutes; see tests/chaos",
    r"dead-letters/(retry|1)": "there are letters after minutes of failures; see tests/rag/api/test_letters.py",
    r"^docker |^\(cd k8s|^kubectl |^cp k8s|^key\(\)|^promtool ": "needs a cluster, a daemon or promtool; see tests/k8s",
}
#: What runs over a data folder of its own: it locks out callers without a key, or wants the service stopped.
ALONE = r"steadyrag (keys|restore) "
#: The key that the pages call so.
KEY_ID = "5d2c6c3b7a8e9f01"
EXTRAS = re.compile(r"\.\[([\w,]+)\]")
#: A table that only these files have -> what reads them; the others are settings.
READERS = {"parts": read_prices, "step": read_suite}
#: Those with a test below; drawings, and what is shown of the screen, cannot be run.
LANGUAGES = SHELL | {"python", "toml", "json", "ini", "yaml", "mermaid", "text", ""}
TIMEOUT_S, POLL_S = 60, 0.01


def examples(*languages, page=""):
    """The blocks in these languages, as parameters."""
    return [pytest.param(each, id=str(each)) for each in BLOCKS if each.language in languages and page in each.page]


def lines(block):
    """What a shell is given at once: a logical line, or the whole block where it has loops or functions."""
    return [block.body] if re.match(r"for |\w+\(\) ", block.body) else list(logical_lines(block.body))


def runs(block):
    """The lines of the block that are run here."""
    return [line for line in lines(block) if not any(re.search(pattern, named(line, block)) for pattern in NOT_RUN)]


def named(line, block):
    return f"{line} ({block.page})"


@pytest.fixture(scope="module")
def place(model_folder):
    """A folder with what the examples name, a service over all pages, and a fault proxy."""
    with folders.scratch() as folder:
        lay_out(folder)
        # a machine that stands still for a second must not change the answers
        settings = {"resilience__timeouts": "false", "limits__min_free_bytes": 0, "telemetry__log": "json"}
        environment = Environment(folder / "data", model_folder, **settings)
        ingested = steadyrag(environment, "ingest", "docs", cwd=ROOT)
        assert ingested.returncode == 0, ingested.stderr
        with serving(environment, "--config", str(folder / "access.toml")) as service, fault_proxy() as proxy:
            stand_ins = {
                "http://127.0.0.1:8000": service.url,
                "127.0.0.1:8474": proxy,
                "127.0.0.1:16334": "127.0.0.1:0",
            }
            yield SimpleNamespace(folder=folder, environment=environment, service=service, stand_ins=stand_ins)


def lay_out(folder):
    """What the examples take for granted in the current folder."""
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "docs").mkdir()
    (folder / "README.md").write_text("# A project of mine\n\nIts mascot is a heron.\n")
    for page in ("caching", "index", "ingestion"):
        shutil.copy(ROOT / "docs" / f"{page}.md", folder / "docs")
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    (folder / "questions.txt").write_text("What does a breaker do?\n")
    (folder / "shadow.jsonl").write_text('{"agreement": 0.5, "answers": {"large": {"answered": true}}}\n')
    for name in ("main", "branch", "mine"):
        keep(folder / "runs" / name, "answers", [{"query": f"q{n}", "contains": float(n % 2)} for n in range(40)])
    keep(folder / "runs" / "light", "latency", [record.row() for record in RECORDS])
    [[limits]] = (each.values for each in examples("toml", page="access.md"))
    (folder / "access.toml").write_text(limits.body)


def keep(folder, command, rows):
    """A run folder, as the command leaves it."""
    prepare_folder(folder)
    save_run(folder, Run.made_here(command, 0.0, 0, {}, {}), rows)


@contextmanager
def fault_proxy():
    """The address of a fault proxy that runs while the block does."""
    command = [sys.executable, "-m", "chaos.proxy", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@pytest.fixture
def shell(place, monkeypatch, capsys):
    """Runs a line of a block, as `Shell`."""
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("CURL_HOME", str(place.folder))
    return Shell(place, monkeypatch, Command(monkeypatch, capsys, place.environment))


class Shell:
    """Runs lines as their readers would: with what earlier lines of the block exported."""

    def __init__(self, place, monkeypatch, command):
        self._place = place
        self._monkeypatch = monkeypatch
        self._command = command
        self._stand_ins = dict(place.stand_ins)

    def __call__(self, line):
        """What the line writes to standard output; it must end well."""
        for told, meant in self._stand_ins.items():
            line = line.replace(told, meant)
        [words, *others] = commands(line)
        if words[0] == "export":
            return self._export(words[1:])
        if words[0] != "steadyrag" or others:
            return self._elsewhere(words[0], line)
        if words[1] == "serve":  # it would run until it is stopped; settings that are wrong it refuses
            load_settings()
            return ""
        with self._monkeypatch.context() as patch:
            if re.search(ALONE, line):
                patch.setenv("STEADYRAG_DATA_DIR", str(self._place.folder / "alone"))
            done = self._command(*words[1:])
        assert done.status == 0, done.err
        for made in re.findall(r"sr_([0-9a-f]+)_", done.out + done.err):
            self._stand_ins.setdefault(KEY_ID, made)
        return done.out

    def _export(self, assignments):
        for name, _, value in (each.partition("=") for each in assignments):
            self._monkeypatch.setenv(name, value)
        load_settings()
        return ""

    def _elsewhere(self, tool, line):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        command = ["bash", "-euo", "pipefail", "-c", line]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.parametrize("block", [each for each in examples(*SHELL) if runs(*each.values)])
def test_commands_do_what_they_are_shown_for(shell, block):
    for line in runs(block):
        output = shell(line)
        if "chat/completions" in line:
            assert json.loads(output)["citations"]
        if "steadyrag ask" in line:
            assert re.search(r"\[\d\]", output)


def test_what_the_readme_shows_is_what_comes_back(shell):
    [asked] = [line for each in examples("sh", page="README.md") for line in runs(*each.values)]
    computed = asked.replace('"top_k"', '"cache": "no-store", "top_k"')
    shown, got = example("json", "README.md"), json.loads(shell(computed))
    stages, known = (answer["steadyrag"].pop("timings_ms").keys() for answer in (got, shown))
    assert "total" in stages <= known  # passages that were found before need no vector
    assert keys(got) == keys(shown)
    first = shown["choices"][0]["message"]["content"].partition(" [1]")[0]
    assert first in got["choices"][0]["message"]["content"]


def keys(value):
    """The keys of JSON; those of a list are its first item's."""
    if isinstance(value, dict):
        return {key: keys(each) for key, each in value.items()}
    return [keys(each) for each in value[:1]] if isinstance(value, list) else None


@pytest.mark.parametrize("block", examples("python"))
def test_python_runs(place, capsys, block):
    code = block.body.replace("http://127.0.0.1:8000", place.service.url)
    exec(compile(code, str(block), "exec"), {})
    text, citations = capsys.readouterr().out.splitlines()
    assert "[1]" in text
    assert "'marker': '[1]'" in citations


@pytest.mark.parametrize("block", examples("toml"))
def test_toml_is_understood(block, tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(block.body)
    reader = next((read for key, read in READERS.items() if key in tomllib.loads(block.body)), load_settings)
    assert reader(path)


@pytest.mark.parametrize("block", examples("ini"))
def test_environments_are_understood(monkeypatch, block):
    for name, _, value in (line.partition("=") for line in block.body.splitlines()):
        monkeypatch.setenv(name, value)
    assert load_settings()


def test_filters_are_those_of_a_search(place, shell):
    body = json.dumps(example("json", "ingestion.md"))
    assert json.loads(shell(f"{post(place, 'search')} -d '{body}'"))["results"] == []


def test_the_log_of_requests_has_the_fields_that_are_shown(place, shell):
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    body = json.dumps({"messages": [{"role": "user", "content": "What is logged?"}]})
    shell(f"{post(place, 'chat/completions')} -H 'traceparent: {trace}' -d '{body}'")
    while not (found := [line for line in place.service.lines if "a" * 32 in line and '"request"' in line]):
        assert place.service.process.poll() is None
        time.sleep(POLL_S)
    assert json.loads(found[0]).keys() == example("json", "telemetry.md").keys()


def test_limits_are_told_in_the_headers_that_are_shown(place, shell):
    [block] = (each for each in BLOCKS if each.body.startswith("RateLimit-Policy"))
    shown = dict(line.lower().split(": ", 1) for line in block.body.splitlines())
    body = json.dumps({"messages": [{"role": "user", "content": "What is limited?"}]})
    headers = shell(f"{post(place, 'chat/completions')} -D - -o answer.json -d '{body}'").lower()
    told = dict(re.findall(r"^(ratelimit.*): (.*?)\r?$", headers, re.M))
    assert told["ratelimit-policy"] == shown["ratelimit-policy"]
    assert re.sub("[rt]=[0-9]+", "", told["ratelimit"]) == re.sub("[rt]=[0-9]+", "", shown["ratelimit"])


def post(place, route):
    """A command that posts JSON, without its body."""
    return f"curl {place.service.url}/v1/{route} -H 'content-type: application/json'"


def example(language, page):
    """The JSON of the one block in this language on the page."""
    [[block]] = (each.values for each in examples(language, page=page))
    return json.loads(" ".join(block.body.split()))


@pytest.mark.parametrize("block", examples("yaml"))
def test_yaml_is_well_formed(block):
    assert yaml.safe_load(block.body)


def test_every_language_is_looked_at():
    assert {block.language for block in BLOCKS} <= LANGUAGES


def test_extras_that_are_installed_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = [name for block in BLOCKS for found in EXTRAS.findall(block.body) for name in found.split(",")]
    assert told
    assert set(told) <= set(extras)


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_every_reason_is_needed(pattern):
    shells = (block for block in BLOCKS if block.language in SHELL)
    assert any(re.search(pattern, named(line, block)) for block in shells for line in lines(block))
