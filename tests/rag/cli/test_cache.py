import json

import pytest

from rag.cli.cache import head_of
from rag.errors import InvalidRequest
from tests.support.processes import Environment, serving, steadyrag


def test_the_head_of_a_log_is_what_is_asked_most(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        'What is a reef?\n\n{"question": "How tall is it?"}\n{"text": "how TALL is it"}\nWho?\nhow tall is it?'
    )
    assert head_of(log, 2) == ["how tall is it?", "What is a reef?"]


@pytest.mark.parametrize("content", [b'{"a": 1}', b"{not json", b"\xff\xfe"])
def test_what_cannot_be_read_is_said(tmp_path, content):
    log = tmp_path / "log"
    log.write_bytes(content)
    with pytest.raises(InvalidRequest, match="log"):
        head_of(log, 1)


def test_answers_are_there_before_somebody_asks(scratch, model_folder, tmp_path):
    # without time limits a busy machine does without nothing, and what it did without something for is not stored
    resilience = {"resilience__timeouts": "false"}
    environment = Environment(
        scratch, model_folder, limits__min_free_bytes=0, index__shards=1, admin_key="s3cret", **resilience
    )
    documents = tmp_path / "docs"
    documents.mkdir()
    (documents / "tower.txt").write_text("The Eiffel Tower is 330 metres tall.")
    assert steadyrag(environment, "ingest", documents).returncode == 0
    log = tmp_path / "log"
    log.write_text(
        "How tall is the Eiffel Tower?\nWho won the football world cup in 1998?\nhow tall is the Eiffel Tower"
    )
    with serving(environment):
        for computed, stored in ((1, 0), (0, 1)):
            done = steadyrag(environment, "cache", "warm", "--log", log, "--json")
            assert done.returncode == 0, done.stderr
            said = json.loads(done.stdout.splitlines()[-1])
            expected = {"questions": 2, "computed": computed, "stored": stored, "unanswered": 1, "failed": 0}
            assert said == expected
        done = steadyrag(environment, "cache", "inspect", "--collection", "default", "--json")
        assert json.loads(done.stdout)["selected"] == 1
        shown = steadyrag(environment, "cache", "inspect")
        assert "how tall is the eiffel tower" in shown.stdout
    assert steadyrag(environment, "cache", "inspect").returncode == 2
