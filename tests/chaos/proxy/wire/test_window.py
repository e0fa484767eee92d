from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.wire.http2 import INITIAL_WINDOW
from chaos.proxy.wire.window import Window


def test_what_was_released_is_granted_once():
    window = Window()
    window.release(100)
    assert window.grant(60) == 0
    assert window.grant(60) == 20
    assert window.available == INITIAL_WINDOW + 120
    assert window.owed == 0


def test_what_is_granted_for_others_while_bytes_are_held_reaches_the_server():
    assert Window().grant(50) == 50


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5000))))
def test_in_the_end_the_server_was_granted_what_it_sent(sent):
    window, granted = Window(), 0
    for is_held, n_bytes in sent:
        if is_held:
            granted += n_bytes
            window.release(n_bytes)
    for _, n_bytes in sent:
        granted += window.grant(n_bytes)
    assert granted == sum(n_bytes for _, n_bytes in sent)
