from __future__ import annotations

import time

import pytest

from rag.errors import DeadlineExceeded, InvalidRequest
from rag.types import ANONYMOUS, Change, Deadline, Passage, Role, Space, SystemClock
from tests.support.clock import FakeClock


def test_a_deadline_tells_the_seconds_that_are_left(clock: FakeClock) -> None:
    deadline = Deadline.after(2, clock)
    assert deadline.remaining() == 2
    clock.advance(1.5)
    assert deadline.remaining() == 0.5


@pytest.mark.parametrize("late_s", [0, 0.001, 100])
def test_a_deadline_that_has_passed_lets_no_call_start(clock: FakeClock, late_s: float) -> None:
    deadline = Deadline.after(2, clock)
    clock.advance(2 + late_s)
    with pytest.raises(DeadlineExceeded):
        deadline.remaining()


def test_a_deadline_does_not_follow_the_calendar(clock: FakeClock) -> None:
    deadline = Deadline.after(2, clock)
    clock.now_s -= 3_600
    assert deadline.remaining() == 2


def test_the_system_clock_is_the_machine_s() -> None:
    clock = SystemClock()
    assert clock.now() == pytest.approx(time.time(), abs=5)
    assert clock.monotonic() == pytest.approx(time.monotonic(), abs=5)


@pytest.mark.parametrize("name", ["a", "default", "Docs-2.1_x", "7", "x" * 64])
def test_a_collection_may_be_called_so(name: str) -> None:
    assert str(Space("acme", name)) == f"acme/{name}"


@pytest.mark.parametrize(
    "name", ["", " ", "-a", ".hidden", "_a", "a/b", "../a", "a b", "a\n", "ü", "x" * 65, "a\0", "a:b", "*"]
)
def test_a_collection_may_not_be_called_so(name: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 64 letters") as refused:
        Space("acme", name)
    assert refused.value.param == "collection"


def test_spaces_are_values() -> None:
    assert Space("a", "b") == Space("a", "b")
    assert len({Space("a", "b"), Space("a", "b"), Space("b", "b"), Space("a", "c")}) == 3


@pytest.mark.parametrize(
    ("title", "heading", "context", "contextual_text"),
    [
        ("", "", "", "text"),
        ("Title", "", "Title", "Title\ntext"),
        ("", "A > B", "A > B", "A > B\ntext"),
        ("Title", "A > B", "Title > A > B", "Title > A > B\ntext"),
    ],
)
def test_a_passage_is_indexed_with_its_context(title: str, heading: str, context: str, contextual_text: str) -> None:
    passage = Passage("id", "document", 0, "text", title, heading)
    assert (passage.context, passage.contextual_text) == (context, contextual_text)


def test_a_change_without_digest_is_a_deletion() -> None:
    assert Change(Space("a", "b"), "document", "", ()).deleted
    assert not Change(Space("a", "b"), "document", "digest", ()).deleted


def test_before_keys_exist_the_one_caller_may_do_everything() -> None:
    assert (ANONYMOUS.tenant, ANONYMOUS.roles) == ("default", frozenset(Role))
