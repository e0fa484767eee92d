import pytest

from cache.veto.names import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How do I install Git on Debian?", "How do I install Git on Windows?"),
        ("Who founded Oracle?", "Who founded Intel?"),
        ("What does the WHO say on salt?", "What does the EU say on salt?"),
        ("Who wrote Hamlet?", "Who wrote Macbeth?"),
        ("What is the rainfall in May?", "What is the rainfall in June?"),
        ("Which IT jobs pay best?", "Which jobs pay best?"),
        ("What is vitamin C good for?", "What is vitamin D good for?"),
    ],
)
def test_a_name_in_one_question_only(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("only one question names")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Is the USA larger than Canada?", "Is the United States larger than Canada?"),
        ("What does the World Health Organization say on salt?", "What does the WHO say on salt?"),
        ("how do I install git on debian?", "How do I install Git on Debian?"),
        ("How Do I Install Git On Debian?", "How do I install Git on Debian?"),
        ("Who painted the Mona Lisa?", "Who is the painter of the Mona Lisa?"),
    ],
)
def test_the_same_name_written_otherwise(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
