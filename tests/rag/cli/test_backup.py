import json
import signal

import pytest

from tests.support.corpus import DOCUMENTS, as_lines
from tests.support.processes import Environment, serving, steadyrag

QUESTION = "How tall is the Eiffel Tower?"


def test_what_was_backed_up_answers_again(command, corpus, tmp_path, monkeypatch, scratch):
    assert command("ingest", corpus).status == 0
    before = command("ask", QUESTION, "--json").json["sources"]
    done = command("backup", tmp_path / "a.tar", "--json")
    assert done.status == 0, done.err
    assert done.json["bytes"] == (tmp_path / "a.tar").stat().st_size < 4 << 20
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(scratch / "other"))
    assert command("restore", tmp_path / "a.tar", "--json").json["data_dir"] == str(scratch / "other")
    assert command("ask", QUESTION, "--json").json["sources"] == before
    assert on_disk(scratch / "other") < 2 * on_disk(scratch / "data")
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def on_disk(folder):
    """Bytes that the folder takes of the disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*"))


def test_an_ingestion_after_the_restoring_finds_everything_unchanged(command, corpus, tmp_path, monkeypatch, scratch):
    command("ingest", corpus)
    command("backup", tmp_path / "a.tar")
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(scratch / "other"))
    command("restore", tmp_path / "a.tar")
    again = command("ingest", corpus, "--json").json
    assert (again["stored"], again["unchanged"]) == (0, len(DOCUMENTS))


def test_there_must_be_something_to_back_up(command, tmp_path):
    done = command("backup", tmp_path / "a.tar")
    assert (done.status, done.error.endswith("holds no data to back up")) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_data_is_not_replaced_without_being_told(command, corpus, tmp_path):
    command("ingest", corpus)
    command("backup", tmp_path / "a.tar")
    refused = command("restore", tmp_path / "a.tar")
    assert refused.status == 2
    assert "--force" in refused.err
    assert command("restore", tmp_path / "a.tar", "--force").status == 0


def test_a_file_is_not_replaced_without_being_told(command, corpus, tmp_path):
    command("ingest", corpus)
    (tmp_path / "a.tar").write_text("the one of monday")
    refused = command("backup", tmp_path / "a.tar")
    assert (refused.status, refused.error) == (2, f"{tmp_path / 'a.tar'} exists; --force replaces it")
    assert (tmp_path / "a.tar").read_text() == "the one of monday"
    assert command("backup", tmp_path / "a.tar", "--force").status == 0
    assert command("restore", tmp_path / "a.tar", "--force").status == 0


def test_a_folder_is_not_taken_for_the_archive(command, tmp_path):
    refused = command("backup", tmp_path, "--force")
    assert (refused.status, refused.error.endswith("name the file that the archive shall be")) == (2, True)


def test_another_file_is_refused(command, tmp_path):
    (tmp_path / "a.tar").write_text("hello")
    done = command("restore", tmp_path / "a.tar")
    assert done.status == 2
    assert "no steadyrag backup" in done.err


def test_a_folder_that_cannot_be_written_is_told(command, corpus, tmp_path):
    command("ingest", corpus)
    done = command("backup", tmp_path / "none" / "a.tar")
    assert done.status == 2
    assert "cannot write" in done.err


def test_an_index_elsewhere_is_refused(command, tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYRAG_INDEX__URL", f"edge:{tmp_path}")
    for name in ("backup", "restore"):
        done = command(name, tmp_path / "a.tar")
        assert done.status == 2
        assert "outside the data folder" in done.err


def test_a_failure_leaves_the_archive_of_before(command, tmp_path):
    (tmp_path / "a.tar").write_text("the one of monday")
    assert command("backup", tmp_path / "a.tar", "--force").status == 2
    assert (tmp_path / "a.tar").read_text() == "the one of monday"


@pytest.mark.slow
def test_the_full_cycle_while_the_service_runs_and_is_killed(model_folder, scratch, tmp_path):
    environment = Environment(scratch / "data", model_folder, index__shards=2, limits__min_free_bytes=0)
    assert steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS)).returncode == 0
    with serving(environment) as served:
        before = json.loads(steadyrag(environment, "ask", QUESTION, "--json").stdout)["sources"]
        done = steadyrag(environment, "backup", tmp_path / "a.tar")
        assert done.returncode == 0, done.stderr
        assert steadyrag(environment, "restore", tmp_path / "a.tar", "--force").returncode == 2, "it is in use"
        more = '{"_id": "later", "title": "", "text": "The Eiffel Tower is 1 m tall."}\n'
        assert steadyrag(environment, "ingest", "-", stdin=more).returncode == 0
        served.signal(signal.SIGKILL)
        served.wait()
    restored = steadyrag(environment, "restore", tmp_path / "a.tar", "--force")
    assert restored.returncode == 0, restored.stderr
    after = json.loads(steadyrag(environment, "ask", QUESTION, "--json").stdout)["sources"]
    assert after == before
