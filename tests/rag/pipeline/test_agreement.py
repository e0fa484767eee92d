import pytest

from rag.pipeline.agreement import agreement


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("It is 330 metres tall. [1]", "it is 330 metres tall [2][3]", 1.0),
        ("330 metres", "It is 330 metres", 2 / 3),
        ("yes yes", "yes", 2 / 3),
        ("yes", "no", 0.0),
        ("", "no", 0.0),
        ("", "", 1.0),
    ],
)
def test_agreement(one, other, expected):
    assert agreement(one, other) == agreement(other, one) == pytest.approx(expected)
