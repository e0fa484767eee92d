import json

import pytest

from tests.support.corpus import ANSWER, QUESTION, UNANSWERABLE
from tests.support.processes import Environment, serving


@pytest.fixture
def asked(command, corpus):
    """Ask over an index of this process."""
    assert command("ingest", corpus).status == 0
    return lambda *arguments: command("ask", *arguments)


def test_an_answer_with_its_sources(asked):
    result = asked(QUESTION)
    assert result.status == 0
    assert ANSWER in result.out
    assert "] Eiffel Tower (tower)" in result.err
    assert "bread" not in result.err, "only what is cited"


def test_the_whole_answer_as_json(asked):
    answer = asked(QUESTION, "--json").json
    content = answer["choices"][0]["message"]["content"]
    assert ANSWER in content
    assert answer["citations"][0]["marker"] in content
    assert answer["steadyrag"]["request_id"].startswith("cli_")
    assert answer["steadyrag"]["degraded"] == []


def test_an_honest_refusal_is_no_failure(asked):
    result = asked(UNANSWERABLE)
    assert (result.status, "could not find" in result.out) == (0, True)
    assert asked(UNANSWERABLE, "--json").json["steadyrag"]["answered"] is False
    assert "has no documents" not in result.err


def test_an_empty_collection_is_told_with_what_fills_it(command, tmp_path, model_folder):
    hint = "the collection 'default' has no documents; run: steadyrag ingest PATH"
    result = command("ask", QUESTION)
    assert (result.status, "could not find" in result.out, result.err.splitlines()) == (0, True, [hint])
    with serving(Environment(tmp_path / "empty", model_folder, index__shards=1)) as served:
        result = command("ask", QUESTION, "--url", served.url, "--json")
    assert (result.status, result.json["steadyrag"]["answered"], result.err.splitlines()) == (0, False, [hint])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "the question is empty"),
        ([" \t"], "the question is empty"),
        (["What?", "--collection", "nowhere"], "no collection 'nowhere'"),
        (["What?", "--collection", "../up"], "collection '../up'"),
        (["What?", "--config", "nowhere.toml"], "no such configuration file: nowhere.toml"),
    ],
)
def test_what_is_wrong_is_one_line(command, arguments, said):
    result = command("ask", *arguments)
    assert result.status == 2
    assert said in result.error


def test_a_running_service_is_asked(command, running):
    result = command("ask", QUESTION, "--url", f"{running.url}/")
    assert (result.status, ANSWER in result.out) == (0, True)
    answer = command("ask", QUESTION, "--url", running.url, "--json").json
    assert answer["steadyrag"]["request_id"].startswith("req_"), "it is the service that answered"


def test_a_running_service_is_found_by_its_data_folder(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    answer = command("ask", QUESTION, "--json").json
    assert answer["steadyrag"]["request_id"].startswith("req_")


def test_what_a_running_service_refuses(command, running):
    result = command("ask", "What?", "--url", running.url, "--collection", "nowhere")
    assert (result.status, "no collection 'nowhere'" in result.error) == (2, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "ftp://127.0.0.1", "http://[", ""])
def test_nobody_answers(command, url):
    result = command("ask", "What?", "--url", url)
    assert result.status == 2
    assert "no steadyrag answers at" in result.error


def test_markup_and_commands_in_a_title_are_shown_not_obeyed(command, tmp_path):
    line = {"_id": "x[/bold]", "title": "Bread \x1b[2J[red]", "text": "Sourdough bread is baked at 230 degrees."}
    (tmp_path / "hostile.jsonl").write_text(json.dumps(line))
    assert command("ingest", str(tmp_path / "hostile.jsonl")).status == 0
    result = command("ask", "At how many degrees is sourdough bread baked?")
    assert result.status == 0
    assert "Bread \ufffd[2J[red] (x[/bold])" in result.err
