from collections import Counter

import pytest

from router.splitting import Split

USERS = [f"acme/user-{number}" for number in range(20_000)]


def shares(split):
    counts = Counter(map(split.of, USERS))
    return {variant: count / len(USERS) for variant, count in counts.items()}


def test_each_variant_gets_its_share_of_20000_users_within_a_point():
    split = Split("old", "rollout", (("new", 0.1), ("newer", 0.3)))
    assert shares(split) == pytest.approx({"old": 0.6, "new": 0.1, "newer": 0.3}, abs=0.01)


def test_a_user_gets_the_same_again():
    once, again = (Split("old", "rollout", (("new", 0.5),)) for _ in range(2))
    assert [once.of(user) for user in USERS] == [again.of(user) for user in USERS]


def test_a_larger_share_keeps_those_who_had_the_variant():
    few, many = (Split("old", "rollout", (("new", share),)) for share in (0.1, 0.4))
    had = [user for user in USERS if few.of(user) == "new"]
    assert {many.of(user) for user in had} == {"new"}


def test_experiments_of_different_names_divide_the_users_independently():
    one, other = (Split("old", name, (("new", 0.5),)) for name in ("one", "other"))
    both = sum(one.of(user) == other.of(user) == "new" for user in USERS)
    assert both / len(USERS) == pytest.approx(0.25, abs=0.01)


def test_without_an_experiment_all_get_the_usual():
    assert shares(Split("old")) == {"old": 1.0}


def test_the_whole_is_told_with_its_shares():
    split = Split("old", "rollout", (("new", 0.1), ("newer", 0.3)))
    assert dict(split.shares()) == pytest.approx({"old": 0.6, "new": 0.1, "newer": 0.3})
