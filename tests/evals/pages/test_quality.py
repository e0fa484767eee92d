from evals.gate.compare import compare, read_pair
from evals.pages.found import Found
from evals.pages.quality import answers, gates, retrieval


def test_modes_and_their_times(found, texts):
    assert texts(retrieval([found("retrieval", "r")]), ".//tbody/tr[1]/*")[0] == "r: hybrid"


def test_answers_on_the_same_questions_are_compared_pair_by_pair(stored, made, texts):
    runs = [stored("before", "answers", made["answers"]), stored("after", "answers", made["worse"])]
    shown = texts(answers(runs), ".//tr")
    assert any(row.startswith("contains0.8330.333") and row.endswith("worse") for row in shown)
    assert [row for row in shown if row.endswith("worse")] == [row for row in shown if row.startswith("contains0.8330")]


def test_what_cannot_be_compared_is_said(found, stored, made, texts):
    one, other = stored("one", "answers", made["answers"]), found("answers", "printed")
    assert any("has no run folder" in told for told in texts(answers([one, other]), ".//p"))
    elsewhere = (made["answers"][0], made["answers"][1][:30])
    assert any(
        "differ in 30 queries" in told for told in texts(answers([one, stored("o", "answers", elsewhere)]), ".//p")
    )


def test_a_gate_that_stopped_a_candidate(stored, made, texts):
    folders = [stored(kind, "answers", made[kind]).folder for kind in ("answers", "worse")]
    shown = gates([Found("nightly", "gate", compare(read_pair(*folders)))])
    assert texts(shown, ".//h3") == ["nightly ✗ stopped"]
    assert "60 questions; stops at 0.01" in texts(shown, ".//p")
