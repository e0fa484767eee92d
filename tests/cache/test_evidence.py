import pytest

from cache.evidence import Support, agrees

SUPPORT = Support(frozenset("abc"), frozenset("a"))


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ("abc", True),
        ("bca", True),
        ("axy", True),
        ("xa", False),
        ("bxa", False),
        ("bc", False),
        ("", False),
    ],
    ids=[
        "as it was",
        "known passages may change places",
        "what ranks below does not matter",
        "an unknown one ranks above",
        "an unknown one ranks between",
        "what is cited does not rank",
        "nothing was found",
    ],
)
def test_agreement(ranking: str, expected: bool) -> None:
    assert agrees(SUPPORT, list(ranking)) is expected


def test_all_that_is_cited_must_rank() -> None:
    both = Support(frozenset("abc"), frozenset("ab"))
    assert agrees(both, ["b", "c", "a"])
    assert not agrees(both, ["a", "c"])


def test_what_cites_nothing_has_no_evidence() -> None:
    assert not agrees(Support(frozenset("ab"), frozenset()), ["a", "b"])
