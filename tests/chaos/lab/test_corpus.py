import pytest

from chaos.errors import CannotRun
from chaos.lab import corpus as module
from chaos.lab.corpus import DOCS, Ingested, corpus
from chaos.lab.environment import environment


def test_without_a_corpus_it_is_the_documentation(monkeypatch, tmp_path):
    assert (corpus(None) / "quickstart.md").is_file()
    assert corpus(None) == DOCS
    monkeypatch.setattr(module, "DOCS", tmp_path / "docs")
    with pytest.raises(CannotRun, match="name a corpus with --data"):
        corpus(None)


@pytest.mark.parametrize("name", ["corpus.jsonl", "corpus.jsonl.gz"])
def test_a_corpus_in_beirs_format(tmp_path, name):
    with pytest.raises(CannotRun, match=r"has no corpus\.jsonl"):
        corpus(tmp_path)
    (tmp_path / name).touch()
    assert corpus(tmp_path) == tmp_path / name


@pytest.fixture
def documents(tmp_path):
    file = tmp_path / "a.md"
    file.write_text("Bees make honey.")
    return file


def test_what_is_in_is_not_taken_in_again_unless_it_changed(tmp_path, documents):
    first = Ingested(tmp_path, documents, 4)
    assert not first.done
    assert not Ingested(tmp_path, documents, 4).done
    first._write(first._files)  # as after an ingestion, which test_lab does
    assert Ingested(tmp_path, documents, 4).done
    documents.write_text("Wasps do not.")
    assert not Ingested(tmp_path, documents, 4).done


def test_a_folder_is_a_lab_of_one_corpus(tmp_path, documents):
    Ingested(tmp_path, documents, 4)
    with pytest.raises(CannotRun, match=r"is a lab of .*a\.md in 4 shards; use another folder"):
        Ingested(tmp_path, documents, 2)
    with pytest.raises(CannotRun, match="use another folder"):
        Ingested(tmp_path, tmp_path, 4)


async def test_an_ingestion_that_fails_is_told(tmp_path, documents):
    ingested = Ingested(tmp_path, documents, 4)
    with pytest.raises(CannotRun, match=r"a\.md was not taken in \(status 2\): steadyrag: .*INDEX__URL"):
        await ingested.take_in(environment({"index__url": "nowhere:", "data_dir": tmp_path / "data"}), tmp_path / "log")
    assert not ingested.done
