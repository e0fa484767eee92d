import gzip

import pytest

from evals.errors import CannotMeasure
from evals.retrieval.beir import read_collection


def test_a_collection_is_read(folder):
    found = read_collection(folder)
    assert found.name == "small"
    assert [document.id for document in found.documents] == ["tower", "reef", "bread", "engine", "moon"]
    assert found.blank == {"blank"}
    assert found.queries["q1"] == "How tall is the Eiffel Tower?"
    assert found.qrels == {"q1": {"tower": 1}, "q2": {"reef": 1, "moon": 0}, "q3": {"engine": 2, "blank": 1}}


def test_queries_without_judgement_are_left_out(folder):
    assert set(read_collection(folder).queries) == {"q1", "q2", "q3"}


def test_so_are_those_without_a_relevant_document(folder):
    qrels = folder / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text() + "unjudged\ttower\t0\n")
    assert set(read_collection(folder).qrels) == {"q1", "q2", "q3"}


def test_files_may_be_compressed_and_lie_elsewhere(folder, tmp_path):
    packed = tmp_path / "documents.jsonl.gz"
    packed.write_bytes(gzip.compress((folder / "corpus.jsonl").read_bytes()))
    (folder / "corpus.jsonl").unlink()
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress((folder / "queries.jsonl").read_bytes()))
    (folder / "queries.jsonl").unlink()
    assert len(read_collection(folder, packed).documents) == 5


def test_judgements_need_no_header(folder):
    (folder / "qrels" / "test.tsv").write_text("q1\ttower\t1\n")
    assert read_collection(folder).qrels == {"q1": {"tower": 1}}


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CannotMeasure, match=f"there is no .*{name}"):
        read_collection(folder)


@pytest.mark.parametrize(
    ("name", "line", "complaint"),
    [
        ("corpus.jsonl", "{", r"corpus\.jsonl:7: "),
        ("corpus.jsonl", "[]", "not a JSON object"),
        ("corpus.jsonl", '{"text": "no id"}', "_id"),
        ("corpus.jsonl", '{"_id": true, "text": ""}', "_id"),
        ("corpus.jsonl", '{"_id": "x", "text": 5}', "text is not a string"),
        ("corpus.jsonl", '{"_id": "tower", "text": "again"}', "'tower' occurs twice"),
        ("queries.jsonl", '{"_id": "q9"}', r"queries\.jsonl:5: text is missing"),
        ("queries.jsonl", '{"_id": "q1", "text": "again"}', "'q1' occurs twice"),
        ("qrels/test.tsv", "q1 tower 1", r"test\.tsv:7: "),
        ("qrels/test.tsv", "q1\ttower\thigh", "whole number"),
        ("qrels/test.tsv", "q9\ttower\t1", "queries that there are not: q9"),
        ("qrels/test.tsv", "q1\tcastle\t1", "documents that there are not: castle"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(folder, name, line, complaint):
    file = folder / name
    file.write_text(f"{file.read_text()}{line}\n")
    with pytest.raises(CannotMeasure, match=complaint):
        read_collection(folder)


def test_of_many_unknown_ids_a_few_are_named(folder):
    (folder / "qrels" / "test.tsv").write_text("".join(f"q1\tx{n}\t1\n" for n in range(10)))
    with pytest.raises(CannotMeasure, match="x0, x1, x2 and 7 more"):
        read_collection(folder)


def test_without_anything_relevant_there_is_nothing_to_measure(folder):
    (folder / "qrels" / "test.tsv").write_text("q1\ttower\t0\n")
    with pytest.raises(CannotMeasure, match="no relevant document"):
        read_collection(folder)


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", b"plain text", gzip.compress(b"{}" * 1000)[:20]])
def test_a_damaged_file_is_said_to_be(folder, tmp_path, content):
    packed = tmp_path / "broken.jsonl.gz"
    packed.write_bytes(content)
    with pytest.raises(CannotMeasure, match="cannot be read"):
        read_collection(folder, packed)
