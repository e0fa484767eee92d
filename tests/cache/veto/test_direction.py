import pytest

from cache.veto.direction import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Trains from Rome to Milan?", "Trains from Milan to Rome?"),
        ("Trains to Milan from Rome?", "Trains from Milan to Rome?"),
        ("How do I convert inches to feet?", "How do I convert feet to inches?"),
        ("How are pounds turned into euros?", "How do I change euros to pounds?"),
        ("Did France attack England?", "Did England attack France?"),
        ("Did Peru declare independence from Spain?", "Did Spain declare independence from Peru?"),
        ("Is tea healthier than coffee?", "Is coffee healthier than tea?"),
        ("How do I replace butter with oil?", "How do I replace oil with butter?"),
        ("Do cats chase dogs?", "Do dogs chase cats?"),
        ("How do I translate Latin into German?", "How do I translate German into Latin?"),
        ("Is a bishop above a priest?", "Is a priest above a bishop?"),
    ],
)
def test_two_that_have_changed_places(pair, asked, stored):
    assert conflict(pair(asked, stored)).endswith("have changed places")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Trains from Rome to Milan?", "Trains to Milan from Rome?"),
        ("What is the difference between rum and gin?", "What is the difference between gin and rum?"),
        ("How does tea compare with coffee?", "How does coffee compare with tea?"),
        ("What is the distance from Rome to Milan?", "What is the distance from Milan to Rome?"),
        ("What is the capital of Peru?", "What is Peru's capital?"),
        ("How do I encrypt a disk with luks?", "How can I use luks to encrypt a disk?"),
        ("Did the dog bite the man?", "Was the man bitten by the dog?"),
    ],
)
def test_order_that_means_nothing(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
