import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.toxics.http_stage import HttpStage, HttpToxic
from chaos.proxy.toxics.toxic import Stream
from tests.support.faulted import RecordedLine, cut, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Noting(HttpStage):
    """Notes which requests would be hit."""

    def __init__(self, line, **attributes):
        super().__init__(HttpToxic(**attributes), line)
        self.hit = []

    def on_request(self, piece):
        if piece.head:
            self.hit.append(self.is_hit())
        super().on_request(piece)


def test_requests_one_after_the_other_may_be_hit():
    stage = Noting(RecordedLine())
    for request in (GET, POST):
        tell(stage, UP, request)
        tell(stage, DOWN, OK)
    assert stage.hit == [True, True]
    assert stage.line.sent == {UP: GET + POST, DOWN: OK + OK}


@pytest.mark.parametrize("answered", [b"", OK[:20], OK[:-1]])
def test_a_request_before_the_answer_to_the_last_is_never_hit(answered):
    stage = Noting(RecordedLine())
    tell(stage, UP, GET)
    tell(stage, DOWN, answered)
    tell(stage, UP, POST)
    assert stage.hit == [True, False]
    tell(stage, DOWN, OK[len(answered) :], OK)
    tell(stage, UP, GET)
    assert stage.hit == [True, False, True]


def test_match_looks_at_the_target():
    stage = Noting(RecordedLine(), match="/b")
    for request in (GET, POST):
        tell(stage, UP, request)
        tell(stage, DOWN, OK)
    assert stage.hit == [False, True]


def test_the_share_is_drawn_for_each_request_from_the_seed():
    def hits():
        stage = Noting(RecordedLine(), share=0.3)
        for _ in range(1000):
            tell(stage, UP, GET)
            tell(stage, DOWN, OK)
        return stage.hit

    assert 250 < sum(hits()) < 350
    assert hits() == hits()


@given(st.data(), st.sampled_from([b"\xff\xfe", b"*1\r\n$4\r\nPING\r\n", GET[:-1]]), st.booleans())
def test_whatever_passes_is_what_came(data, last, since_start):
    sent, answered = GET + POST + last, OK + OK + last
    stage = Noting(RecordedLine(since_start=since_start))
    tell(stage, UP, *cut(sent, data.draw(st.lists(st.integers(0, len(sent)), max_size=8))))
    tell(stage, DOWN, *cut(answered, data.draw(st.lists(st.integers(0, len(answered)), max_size=8))))
    assert stage.on_remove()
    assert stage.line.sent == {UP: sent, DOWN: answered}


def test_a_connection_is_followed_from_the_first_request_that_begins():
    stage = Noting(RecordedLine(since_start=False))
    tell(stage, DOWN, b"the end of an answer")
    tell(stage, UP, b"the end of a request", GET)
    assert stage.hit == [True]


def test_what_turns_into_another_protocol_is_passed_at_once():
    stage = Noting(RecordedLine())
    tell(stage, UP, GET)
    tell(stage, DOWN, b"HTTP/1.1 101 Switching Protocols\r\n\r\nraw")
    tell(stage, UP, b"text ")
    tell(stage, DOWN, b"HTTP/1.1 ")
    assert stage.line.sent[UP] == GET + b"text "
    assert stage.line.sent[DOWN].endswith(b"rawHTTP/1.1 ")


def test_an_answer_that_a_toxic_before_gave_leaves_the_connection_followed():
    stage = Noting(RecordedLine())
    tell(stage, DOWN, OK)
    tell(stage, UP, GET)
    assert stage.hit == [True]
    assert stage.line.sent == {UP: GET, DOWN: OK}


def test_what_waits_for_its_rest_goes_before_the_end():
    stage = Noting(RecordedLine())
    tell(stage, UP, GET, b"GET /half")
    stage.on_end(UP, 0.0)
    assert stage.line.sent[UP] == GET + b"GET /half"
    assert stage.line.ended == [(UP, 0.0)]


def test_a_change_leaves_what_waits():
    assert Noting(RecordedLine()).on_update() is False
