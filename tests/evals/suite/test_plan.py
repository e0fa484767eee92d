import pytest

from evals.errors import CannotMeasure
from evals.suite.plan import Step, read_suite

GOOD = """
[[step]]
name = "quality"
run = ["eval", "retrieval", "--data", "squad"]

[[step]]
name = "gate"
run = ["eval", "gate"]
needs = ["quality"]
"""


@pytest.fixture
def read(tmp_path):
    def call(text):
        (tmp_path / "suite.toml").write_text(text)
        return read_suite(tmp_path / "suite.toml")

    return call


def test_steps_stand_in_the_order_of_the_file(read):
    assert read(GOOD) == [
        Step("quality", ("eval", "retrieval", "--data", "squad")),
        Step("gate", ("eval", "gate"), ("quality",)),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "wants"),
        ("step = 3", "wants"),
        (GOOD + "[other]", "nothing else"),
        ("[[", "cannot be read"),
        ('[[step]]\nrun = ["a"]', "step 1: name"),
        ('[[step]]\nname = "../x"\nrun = ["a"]', "step 1: name"),
        (GOOD + '[[step]]\nname = "gate"\nrun = ["a"]', "step 3: name"),
        ('[[step]]\nname = "a"', "run wants"),
        ('[[step]]\nname = "a"\nrun = "eval gate"', "not a list"),
        ('[[step]]\nname = "a"\nrun = ["eval", "suite", "x"]', "other than eval suite"),
        ('[[step]]\nname = "a"\nrun = ["x"]\nneeds = ["b"]', "needs b"),
        ('[[step]]\nname = "a"\nrun = ["x"]\nwhen = "b"', "there is no when"),
    ],
)
def test_what_is_no_suite_is_refused(read, text, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        read(text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CannotMeasure, match="cannot be read"):
        read_suite(tmp_path / "none.toml")
