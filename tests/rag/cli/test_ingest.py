import gzip
import importlib
import json

import pytest

from rag.errors import Overloaded
from rag.types import Document

module = importlib.import_module("rag.cli.ingest")  # the package has a function of the same name


def listed(command, collection="default"):
    """What doctor counts in the collection."""
    return command("doctor", "--json").json["state"]["collections"].get(collection)


def test_documents_come_in_and_stay(command, corpus):
    result = command("ingest", corpus, "--json")
    assert result.status == 0
    assert result.json == {"collection": "default", "documents": 4, "stored": 4, "unchanged": 0, "failures": []}
    assert "4 stored, 0 unchanged, 0 skipped in collection 'default'" in result.err
    assert listed(command) == {"documents": 4, "passages": 4}


def test_again_changes_nothing(command, corpus):
    command("ingest", corpus)
    assert command("ingest", corpus, "--json").json == {
        "collection": "default",
        "documents": 4,
        "stored": 0,
        "unchanged": 4,
        "failures": [],
    }
    assert listed(command) == {"documents": 4, "passages": 4}


def test_into_a_collection(command, corpus):
    assert command("ingest", corpus, "--collection", "mine", "--json").json["collection"] == "mine"
    assert listed(command, "mine")["documents"] == 4
    assert listed(command) is None


def test_folders_globs_and_compressed_lines(command, corpus, tmp_path):
    folder = tmp_path / "docs"
    (folder / ".hidden").mkdir(parents=True)
    (folder / "a.md").write_text("# A\n\nText of a.")
    (folder / "b.txt").write_text("Text of b.")
    (folder / "c.exe").write_bytes(b"MZ")
    (folder / ".hidden" / "d.md").write_text("hidden")
    (tmp_path / "more.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "e", "text": "Text of e."}\n\n'))
    result = command("ingest", folder, tmp_path / "*.gz", "--json")
    assert (result.status, result.json["stored"]) == (0, 3)


def test_from_standard_input(command, corpus):
    result = command("ingest", "-", "--json", stdin=corpus.read_bytes())
    assert (result.status, result.json["stored"]) == (0, 4)


def test_many_batches(command, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_DOCUMENTS", 3)
    file = tmp_path / "many.jsonl"
    file.write_text("".join(f'{{"_id": "{n}", "text": "Text {n}."}}\n' for n in range(20)))
    assert command("ingest", file, "--json").json["stored"] == 20
    monkeypatch.setattr(module, "BATCH_CHARS", 10)
    assert command("ingest", file, "--json").json["unchanged"] == 20


BROKEN = {
    "junk.txt": bytes(range(256)) * 4,
    "junk.pdf": b"%PDF-1.4 junk",
    "junk.exe": b"MZ",
    "empty.md": b"",
    "no-suffix": b"text",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_reported_and_the_others_come_in(command, tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    (tmp_path / "good.txt").write_text("Good text.")
    result = command("ingest", tmp_path / name, tmp_path / "good.txt", "--json")
    assert result.status == 1
    assert (result.json["documents"], result.json["stored"]) == (2, 1)
    (failure,) = result.json["failures"]
    assert failure["source"].endswith(name)
    assert failure["reason"]
    assert any(line.startswith("skipped ") and name in line for line in result.err.splitlines())


def test_broken_lines_are_reported_by_their_number(command, tmp_path):
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b'{"_id": "a", "text": "b"}\nnonsense\n{"_id": "c"}\n\xff\n{"_id": "d", "text": "e"}')
    result = command("ingest", file, "--json")
    assert (result.status, result.json["stored"]) == (1, 2)
    assert [failure["source"].rpartition(":")[2] for failure in result.json["failures"]] == ["2", "3", "4"]


@pytest.mark.parametrize("cut", [5, 30, -12, -1])
def test_a_compressed_file_that_was_cut_off(command, tmp_path, cut):
    whole = gzip.compress("".join(f'{{"_id": "{n}", "text": "Text {n}."}}\n' for n in range(50)).encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:cut])
    result = command("ingest", tmp_path / "cut.jsonl.gz", "--json")
    assert result.status == 1
    assert len(result.json["failures"]) >= 1


def test_a_compressed_file_that_is_none(command, tmp_path):
    (tmp_path / "no.jsonl.gz").write_bytes(b"not compressed")
    result = command("ingest", tmp_path / "no.jsonl.gz", "--json")
    assert (result.status, len(result.json["failures"])) == (1, 1)


def test_a_document_without_words_is_reported(command, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"_id": "a", "text": "<script>1</script>", "format": "html"}))
    result = command("ingest", tmp_path / "a.jsonl", "--json")
    assert (result.status, result.json["failures"]) == (1, [{"source": "a", "reason": "the document holds no text"}])


def test_many_failures_are_counted(command, tmp_path):
    (tmp_path / "a.jsonl").write_text("nonsense\n" * 50)
    result = command("ingest", tmp_path / "a.jsonl", "--json")
    assert len(result.json["failures"]) == 50
    assert sum(line.startswith("skipped ") for line in result.err.splitlines()) == module.SHOWN_FAILURES
    assert "... and 30 more" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["nowhere/*.md"], "nowhere/*.md: no such file or folder"),
        (["-", "--collection", "a b"], "collection 'a b'"),
    ],
)
def test_what_is_wrong_is_one_line(command, arguments, said):
    result = command("ingest", *arguments)
    assert result.status == 2
    assert said in result.error


def test_while_the_disk_is_nearly_full_nothing_comes_in(command, corpus, monkeypatch):
    monkeypatch.setenv("STEADYRAG_LIMITS__MIN_FREE_BYTES", str(1 << 60))
    result = command("ingest", corpus, "--json")
    assert result.status == 1
    assert "free some space" in result.err.splitlines()[-1]
    assert listed(command) is None


def test_documents_of_one_id_are_summed_up_alike_here_and_there(command, tmp_path, running):
    file = tmp_path / "twins.jsonl"
    file.write_text("".join(f'{{"_id": "{n % 3}", "text": "Text {n}."}}\n' for n in range(6)))
    here = command("ingest", file, "--collection", "twins", "--json").json
    there = command("ingest", file, "--collection", "twins", "--url", running.url, "--json").json
    assert here == there
    assert here["stored"] == 6


def test_through_a_running_service(command, corpus, running):
    arguments = ("ingest", corpus, "--collection", "remote", "--url", running.url, "--json")
    result = command(*arguments)
    assert result.status == 0
    assert result.json == {"collection": "remote", "documents": 4, "stored": 4, "unchanged": 0, "failures": []}
    assert command(*arguments).json == result.json | {"stored": 0, "unchanged": 4}


def test_a_running_service_is_found_by_its_data_folder(command, corpus, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    assert command("ingest", corpus, "--collection", "found", "--json").json["stored"] == 4


def test_what_a_running_service_does_not_take_is_reported_and_the_rest_comes_in(command, tmp_path, running):
    records = [{"_id": str(n), "text": f"Text {n}."} for n in range(5)]
    records[3]["_id"] = "x" * 600
    records.append({"_id": "none", "text": "<script>1</script>", "format": "html"})
    file = tmp_path / "mixed.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    result = command("ingest", file, "--collection", "mixed", "--url", running.url, "--json")
    assert (result.status, result.json["stored"]) == (1, 4)
    assert {failure["source"] for failure in result.json["failures"]} == {"x" * 600, "none"}


def test_a_name_that_no_collection_has_is_said_once(command, corpus, running):
    result = command("ingest", corpus, "--collection", "a b", "--url", running.url)
    assert result.status == 2
    assert "collection" in result.error


async def test_a_full_queue_is_waited_for(monkeypatch):
    monkeypatch.setattr(module, "BUSY_PAUSE_S", 0)
    job = {"id": "job_1", "status": "done", "unchanged": 0, "failures": []}
    answers = [Overloaded("full"), Overloaded("full"), job]

    class Service:
        async def call(self, method, path, body=None):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    outcome = module.Outcome("default")
    await module.RemoteSink(Service(), "default").put([Document("a", "text")], outcome)
    assert (outcome.stored, outcome.failures, answers) == (1, [], [])
