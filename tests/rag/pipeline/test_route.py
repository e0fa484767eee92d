import pytest

from rag.pipeline.request import Ask
from rag.pipeline.route import ANSWER_TOKENS, BYTES_PER_TOKEN, evidence, inquire
from rag.types import ANONYMOUS, Deadline, Passage, Scope, ScoredPassage, Space
from router.features import Evidence
from router.types import Message, Prompt, Sampling

PROMPT = Prompt((Message("system", "Be brief."), Message("user", "Wie groß?")), "the tower\nWie groß?", ())


def passages(*scores):
    return [ScoredPassage(Passage(str(n), "d", n, "text", tokens=100), score) for n, score in enumerate(scores)]


def test_the_router_is_told_what_was_asked_and_what_was_found(clock):
    scope = Scope(Space("acme", "default"), "steadyrag", "")
    ask = Ask(ANONYMOUS, scope, Deadline.after(30, clock), "r", PROMPT.messages, user="ann")
    clock.advance(10)
    inquiry = inquire(ask, PROMPT, passages(0.8, 0.6))
    assert inquiry.question == "the tower\nWie groß?", "the text that the embedding is of"
    assert inquiry.prompt_tokens == round(19 / BYTES_PER_TOKEN), "bytes, not characters"
    assert (inquiry.answer_tokens, inquiry.deadline_s, inquiry.user) == (ANSWER_TOKENS, 20.0, "default/ann")
    assert inquiry.evidence == evidence(passages(0.8, 0.6))


def test_room_for_the_answer_is_what_the_caller_asked_for(clock):
    prompt = Prompt(PROMPT.messages, "?", (), Sampling(max_tokens=40))
    ask = Ask(ANONYMOUS, Scope(Space("a", "b"), "m", ""), Deadline.after(30, clock), "r", prompt.messages)
    assert inquire(ask, prompt, []).answer_tokens == 40
    assert inquire(ask, prompt, []).user == "default/anonymous", "who names no user is one"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (passages(0.8, 0.6, 0.1), Evidence(pytest.approx(0.25), 3, 300)),
        (passages(0.8), Evidence(None, 1, 100)),
        (passages(-3.0, -5.0), Evidence(None, 2, 200)),
        (passages(2.0, -5.0), Evidence(1.0, 2, 200)),
        ([], Evidence(None, 0, 0)),
    ],
)
def test_evidence_of_what_was_found(found, expected):
    assert evidence(found) == expected
