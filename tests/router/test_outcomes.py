import json

import pytest

from router.features import Evidence
from router.outcomes import Outcome, parse_outcomes

LINE = {"source": "s", "prompt": "Why?", "small": 0, "large": 0.5}


def line(**changes):
    return json.dumps({**LINE, **changes})


def test_outcomes_are_read():
    found = parse_outcomes([line(), "\n", line(topic="t", source=None)], "file")
    assert found == [Outcome("s", "Why?", 0.0, 0.5), Outcome("file", "Why?", 0.0, 0.5)]


def test_evidence_is_read():
    (found,) = parse_outcomes([line(evidence={"passages": 3})], "file")
    assert found.evidence == Evidence(passages=3)


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
    ],
)
def test_what_is_no_outcome_is_refused_with_its_place(bad):
    with pytest.raises(ValueError, match=r"^file:2: "):
        parse_outcomes([line(), bad], "file")
