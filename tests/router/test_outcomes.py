import json
import math

import pytest

from router.features import NAMES, Evidence
from router.outcomes import Measured, Outcome, parse_outcomes

LINE = {"source": "s", "prompt": "Why?", "small": 0, "large": 0.5}


def line(**changes):
    return json.dumps({**LINE, **changes})


def test_outcomes_are_read():
    found = parse_outcomes([line(), "\n", line(topic="t", source=None)], "file")
    assert found == [Outcome("s", "Why?", 0.0, 0.5), Outcome("file", "Why?", 0.0, 0.5)]


def test_evidence_is_read():
    (found,) = parse_outcomes([line(evidence={"passages": 3})], "file")
    assert found.evidence == Evidence(passages=3)


def textless(**changes):
    features = [None, *range(1, len(NAMES))]
    told = {"request_id": "req_1", "embedder": "e", "vector": [0.6, 0.8], "features": features, "small": 1, "large": 0}
    return json.dumps(told | changes)


def test_a_question_without_its_text_is_what_the_classifier_saw_of_it():
    (found,) = parse_outcomes([textless(source="s", evidence={"passages": 3})], "file")
    assert (found.prompt, found.measured.embedder, found.measured.vector) == ("req_1", "e", (0.6, 0.8))
    assert math.isnan(found.measured.features[0])
    assert found.measured.features[1:] == tuple(range(1, len(NAMES)))
    assert isinstance(found.measured, Measured)


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "3",
        "null",
        '{"prompt": "Why?", "small": 1}',
        line(small=2),
        line(large="good"),
        line(small=float("nan")),
        line(prompt=""),
        line(prompt=7),
        line(evidence={"passages": "many"}),
        line(evidence={"colour": 1}),
        line(evidence=[1]),
        textless(vector=None),
        textless(features=[1.0]),
        textless(features="many"),
        textless(small=None),
    ],
)
def test_what_is_no_outcome_is_refused_with_its_place(bad):
    with pytest.raises(ValueError, match=r"^file:2: "):
        parse_outcomes([line(), bad], "file")
