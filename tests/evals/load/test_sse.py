import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.load.sse import EventParser


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
        (b"data:YHOO\ndata: +2\ndata:  10\n\n", [b"YHOO\n+2\n 10"]),
        (b": comment\nevent: e\nid: 1\ndata: x\r\n\r\n", [b"x"]),
        (b"data: a\rdata: b\r\r\n", [b"a\nb"]),
        (b"data: unfinished\n", []),
        (b"\n\n: ping\n\n", []),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"database: x\n\n", []),
    ],
)
def test_events_of_a_stream(stream, events):
    assert EventParser().feed(stream) == events


@given(
    st.lists(st.sampled_from([b"data: x\n", b"data: y\r\n", b"\n", b"\r\n", b": c\n", "data: é\n".encode()])), st.data()
)
def test_where_the_network_cuts_makes_no_difference(parts, data):
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    parser = EventParser()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EventParser().feed(stream)
