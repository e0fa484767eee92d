import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.wire.sse import Allowance
from tests.support.faulted import cut

EVENTS = [b"data: one\n\n", b": ping\n\n", b"event: x\r\ndata: two\r\n\r\n", b"data: three\ndata: more\n\n"]
REPLY = b"".join(EVENTS)


def passed(allowance, chunks):
    """What passes until it is spent."""
    out = b""
    for chunk in chunks:
        if allowance.spent:
            break
        out += chunk[: allowance.take(chunk)]
    return out


@pytest.mark.parametrize(
    ("events", "n_bytes", "expected"),
    [
        (0, 0, b""),
        (1, 0, EVENTS[0]),
        (2, 0, b"".join(EVENTS[:3])),
        (3, 0, REPLY),
        (4, 0, REPLY),
        (0, 7, REPLY[:7]),
        (1, 3, EVENTS[0]),
        (1, 15, REPLY[:15]),
        (0, 1000, REPLY),
    ],
)
def test_both_bounds_must_be_reached(events, n_bytes, expected):
    assert passed(Allowance(events, n_bytes), [REPLY]) == expected


@given(st.integers(0, 5), st.integers(0, 100), st.lists(st.integers(0, len(REPLY)), max_size=20))
def test_it_does_not_matter_how_the_bytes_arrive(events, n_bytes, places):
    chunks = cut(REPLY, places)
    assert passed(Allowance(events, n_bytes), chunks) == passed(Allowance(events, n_bytes), [REPLY])


def test_it_is_spent_at_the_last_byte_that_passes():
    allowance = Allowance(1, 0)
    assert allowance.take(EVENTS[0]) == len(EVENTS[0])
    assert allowance.spent
    assert allowance.take(b"more") == 0
