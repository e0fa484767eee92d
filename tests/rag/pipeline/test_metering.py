from contextlib import suppress

import pytest

from rag.pipeline.generate import Generation
from rag.pipeline.metering import metered
from rag.pipeline.request import Ask
from rag.types import ANONYMOUS, Deadline, Scope, Space
from router.features import Evidence
from router.models import Price
from router.router import Inquiry
from router.types import Message, TokenUsage

INQUIRY = Inquiry("q", Evidence(None, 0, 0), prompt_tokens=700, answer_tokens=512, deadline_s=30.0)


@pytest.fixture
def ask(clock):
    return Ask(
        ANONYMOUS, Scope(Space("default", "default"), "m", ""), Deadline.after(30, clock), "r", (Message("user", "q"),)
    )


def generated(usage=TokenUsage()):
    return Generation(pieces=["It is ", "330 m."], usage=usage, model="small", price=Price(1.0, 100.0))


@pytest.mark.parametrize(
    ("generation", "charged"),
    [
        (generated(TokenUsage(90, 7)), [(ANONYMOUS, 97, pytest.approx(790e-6))]),
        (generated(), [(ANONYMOUS, 703, pytest.approx(1_000e-6))]),
        (Generation(), []),
    ],
    ids=["the model told", "broken off", "no word came"],
)
@pytest.mark.parametrize("broken", [False, True])
def test_what_was_used_is_charged_however_it_ends(ask, generation, charged, broken):
    found = []
    with suppress(GeneratorExit), metered(ask, INQUIRY, generation, lambda *told: found.append(told)):
        if broken:
            raise GeneratorExit
    assert found == charged
