from __future__ import annotations

from cache.blame import Blame


def test_a_pair_is_blocked_once_it_was_blamed() -> None:
    blame: Blame[str] = Blame()
    blame.served("asked", "stored")
    assert not blame.blocked("asked", "stored")
    assert blame.blame("asked") == "stored"
    assert blame.blocked("asked", "stored")
    assert not blame.blocked("stored", "asked")
    assert blame.blame("asked") is None


def test_the_last_one_served_is_to_blame() -> None:
    blame: Blame[str] = Blame()
    blame.served("asked", "first")
    blame.served("asked", "second")
    assert blame.blame("asked") == "second"


def test_what_is_remembered_is_bounded() -> None:
    blame: Blame[str] = Blame(most=2)
    for asked in "abc":
        blame.served(asked, asked.upper())
    assert blame.blame("a") is None
    for asked in "bcd":
        blame.served(asked, asked.upper())
        blame.blame(asked)
    assert [asked for asked in "bcd" if blame.blocked(asked, asked.upper())] == ["c", "d"]
