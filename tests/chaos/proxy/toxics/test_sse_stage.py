import pytest

from chaos.proxy.toxics.sse_stage import SseStage, SseToxic
from chaos.proxy.toxics.toxic import Stream
from tests.support.faulted import RecordedLine, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
GET = b"GET /stream HTTP/1.1\r\n\r\n"
EVENTS = [b"data: %d\n\n" % n for n in range(3)]


class Noting(SseStage):
    """Notes where the fault begins and what comes after."""

    def __init__(self, **attributes):
        super().__init__(SseToxic(**attributes), RecordedLine())
        self.spent, self.rest = 0, b""

    def on_spent(self):
        self.spent += 1

    def on_rest(self, data):
        self.rest += data


def head(content_type, framing=b"Transfer-Encoding: chunked"):
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n" % (content_type, framing)


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


SSE = head(b"text/event-stream; charset=utf-8")
CHUNKS = b"".join(map(chunk, EVENTS)) + b"0\r\n\r\n"


def answered(answer, **attributes):
    stage = Noting(**attributes)
    tell(stage, UP, GET)
    tell(stage, DOWN, answer)
    return stage


@pytest.mark.parametrize(
    ("attributes", "passed"),
    [
        ({}, b""),
        ({"after_events": 1}, b"9\r\n" + EVENTS[0]),
        ({"after_events": 2}, chunk(EVENTS[0]) + b"9\r\n" + EVENTS[1]),
        ({"after_bytes": 4}, b"9\r\ndata"),
    ],
)
def test_so_much_passes_to_the_byte(attributes, passed):
    stage = answered(SSE + CHUNKS, **attributes)
    assert stage.line.sent[DOWN] == SSE + passed
    assert stage.rest == CHUNKS.removeprefix(passed)
    assert stage.spent == 1


@pytest.mark.parametrize(
    ("answer", "attributes"),
    [
        (head(b"application/json") + CHUNKS, {}),
        (SSE + CHUNKS, {"share": 0.0}),
        (SSE + CHUNKS, {"match": "/other"}),
        (SSE + CHUNKS, {"after_events": 4}),
    ],
)
def test_other_answers_pass(answer, attributes):
    stage = answered(answer, **attributes)
    assert stage.line.sent[DOWN] == answer
    assert stage.spent == 0


def test_a_reply_until_the_close_is_counted_too():
    sse = head(b"text/event-stream", b"Connection: close")
    stage = answered(sse + b"".join(EVENTS), after_events=1)
    assert stage.line.sent[DOWN] == sse + EVENTS[0]


def test_each_reply_is_counted_anew():
    stage = answered(SSE + CHUNKS, after_events=4)
    tell(stage, UP, GET)
    tell(stage, DOWN, SSE + CHUNKS)
    assert stage.spent == 0
