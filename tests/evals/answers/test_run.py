import pytest

from evals.answers.judging import MEASURES
from evals.answers.questions import draw_articles, read_questions
from evals.answers.run import Options, evaluate
from evals.errors import CannotMeasure
from evals.retrieval.beir import read_collection


class Grader:
    """Finds answers on the reef wrong, and has no opinion on bread."""

    closed = False

    async def verdict(self, question, answer):
        return None if "bread" in answer else "Reef" not in answer

    async def aclose(self):
        self.closed = True


@pytest.fixture
def measured(folder, scratch):
    async def call(grader=None, **options):
        collection = read_collection(folder)
        chosen = Options(**{"data_dir": scratch / "kept", "shards": 1, "rephrased": 2} | options)
        return await evaluate(collection, read_questions(folder, collection), chosen, lambda *_: None, grader)

    return call


async def test_answers_citations_abstention_and_consistency(measured, folder):
    summary, rows = await measured()
    assert (summary["dataset"], summary["n"], summary["contains"], summary["cited_gold"]) == ("small", 4, 1.0, 1.0)
    assert summary["models"] == ["extractive:", "extractive:"]
    gone = draw_articles(read_questions(folder, read_collection(folder)), 0.5, 0)
    assert [row["unanswerable"] for row in rows] == [row["article"] in gone for row in rows]
    assert summary["abstention"]["unanswerable"] == 2
    assert all(0 <= row[name] <= 1 for row in rows for name in (*MEASURES, "abstained_rightly"))
    assert summary["consistency"]["n"] == 2 * 5
    assert summary["consistency"]["by_kind"]["case"]["same_source"]["value"] == 1.0


async def test_what_was_left_out_is_taken_in_again_by_the_next_run(measured):
    first, _ = await measured()
    again, _ = await measured(held_out=0.0)
    assert (again["contains"], again["abstention"]["n"]) == (first["contains"], 0)


async def test_a_judge_that_fails_is_counted(measured):
    grader = Grader()
    summary, rows = await measured(grader, held_out=0.0, rephrased=0)
    assert summary["judge"]["failures"] == 1
    assert summary["judge"]["correct"]["value"] == pytest.approx(2 / 3)
    assert [row["judged_correct"] for row in rows] == [True, False, True, None]
    assert grader.closed


@pytest.mark.parametrize("part", [-0.1, 1.0])
def test_all_articles_cannot_be_left_out(part):
    with pytest.raises(CannotMeasure, match="--held-out"):
        Options(held_out=part)
