import pytest

from evals.answers.llm_judge import Judge, summarise
from evals.answers.questions import Question
from evals.errors import CannotMeasure
from router.errors import ModelUnavailable
from router.types import Chunk

QUESTION = Question("q", "Who invented it?", "Diesel", ("Rudolf Diesel", "Diesel"), frozenset({"a"}))


class Saying:
    """A model that says what it is told to, and keeps what it was asked."""

    name = "judge"

    def __init__(self, *pieces):
        self.pieces = pieces

    async def stream(self, prompt, *, timeout_s):
        self.prompt = prompt
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield Chunk(piece)

    async def aclose(self):
        self.closed = True


@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        (("COR", "RECT"), True),
        (("Wrong.",), False),
        (("incorrect",), False),
        (("I cannot say",), None),
        ((), None),
        ((ModelUnavailable("down", model="judge"),), None),
    ],
)
async def test_a_verdict_is_read_or_there_is_none(pieces, verdict):
    assert await Judge(Saying(*pieces)).verdict(QUESTION, "It was Diesel.") is verdict


async def test_the_model_sees_question_right_answers_and_answer():
    model = Saying("CORRECT")
    await Judge(model).verdict(QUESTION, "It was Diesel.")
    asked = model.prompt.messages[-1].content
    assert all(part in asked for part in ("Who invented it?", "Rudolf Diesel | Diesel", "It was Diesel."))
    assert model.prompt.sampling.temperature == 0.0


async def test_closing_the_judge_closes_its_model():
    model = Saying()
    await Judge(model).aclose()
    assert model.closed


@pytest.mark.parametrize("address", ["http://host/v1", "host#model", "http://host/v1#"])
def test_an_address_names_server_and_model(address):
    with pytest.raises(CannotMeasure, match="--judge"):
        Judge.at(address)


def test_failures_are_counted_and_enter_no_mean():
    found = summarise([True, None, False, True])
    assert (found["correct"]["value"], found["correct"]["n"], found["failures"]) == (pytest.approx(2 / 3), 3, 1)
    assert summarise([None]) == {"correct": {"value": None, "ci95": None, "n": 0}, "failures": 1}
