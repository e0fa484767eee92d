import json

import pytest

from rag.version import __version__


def test_all_is_well(command, corpus):
    command("ingest", corpus)
    report = command("doctor", "--json")
    assert (report.status, report.json["problems"], report.json["misconfigured"]) == (0, [], False)
    assert set(report.json) == {"serving", "state", "versions", "problems", "notes", "misconfigured"}
    assert set(report.json["serving"]) == {
        "embedder",
        "index",
        "lexical",
        "document_log",
        "cache",
        "limits",
        "model:small",
        "model:large",
        "routing",
    }
    assert report.json["versions"]["steadyrag"] == __version__
    assert report.json["state"]["collections"]["default"]["documents"] == 4


def test_for_people(command):
    result = command("doctor")
    assert (result.status, result.out) == (0, "")
    assert "all is well" in result.err
    assert "all-MiniLM-L6-v2 (int8" in result.err
    assert "nobody is limited" in result.err


def test_data_of_another_format_is_told_with_what_mends_it(command, corpus, scratch):
    command("ingest", corpus)
    assert command("doctor", "--json").json["state"]["data_format"] == "1, this version reads 1"
    stored = json.loads((scratch / "data" / "format.json").read_text())
    (scratch / "data" / "format.json").write_text(json.dumps(stored | {"format": 2}))
    result = command("doctor", "--json")
    (problem,) = result.json["problems"]
    assert (result.status, result.json["state"]["data_format"]) == (2, "2, this version reads 1")
    assert "has format 2" in problem
    assert "steadyrag ingest PATH" in problem


def test_a_wrong_setting_is_a_problem_of_configuration(command, monkeypatch):
    monkeypatch.setenv("STEADYRAG_CACHE__STORE", "memcached://127.0.0.1")
    result = command("doctor")
    assert result.status == 2
    assert "problem: STEADYRAG_CACHE__STORE='memcached://127.0.0.1'" in result.err


def test_a_model_that_does_not_answer_is_a_problem(command, monkeypatch):
    monkeypatch.setenv("STEADYRAG_MODELS__SMALL", "http://127.0.0.1:9/v1#small")
    result = command("doctor", "--json")
    assert result.status == 1
    (problem,) = result.json["problems"]
    assert problem.startswith("model:small does not answer at http://127.0.0.1:9/v1/models")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STEADYRAG_INDEX__SHARD", "4", "unknown setting STEADYRAG_INDEX__SHARD"),
        ("STEADYRAG_INDEX__SHARDS", "four", "setting STEADYRAG_INDEX__SHARDS"),
        ("STEADYRAG_INDEX__SHARDS", "0", "setting STEADYRAG_INDEX__SHARDS"),
    ],
)
def test_settings_that_cannot_be_read_are_one_line(command, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    result = command("doctor", "--json")
    assert result.status == 2
    assert said in result.error


def test_a_running_service_is_asked(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    report = command("doctor", "--json")
    assert report.status == 0, json.dumps(report.json)
    assert report.json["state"]["running"] == f"process {running.process.pid} at {running.url}"
    assert report.json["state"]["documents"] >= 4
    assert report.json["notes"] == []


def test_other_settings_than_those_of_the_running_service_are_noted(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    monkeypatch.setenv("STEADYRAG_TIMEOUT_S", "7")
    result = command("doctor")
    assert result.status == 0
    assert "note: STEADYRAG_TIMEOUT_S is 7.0 here and 30.0 in the running service" in result.err


def test_wrong_settings_are_found_beside_a_running_service(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    monkeypatch.setenv("STEADYRAG_LOG__URL", "kafka://here")
    result = command("doctor")
    assert result.status == 2
    assert "problem: STEADYRAG_LOG__URL='kafka://here': use sqlite: or redis://" in result.err
