import hpack
import pytest
from hyperframe import frame as hyper
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.toxics.grpc_stage import GrpcStage, GrpcToxic
from chaos.proxy.toxics.toxic import Stream
from chaos.proxy.wire import http2
from tests.support.faulted import RecordedLine, cut, tell
from tests.support.http2_peer import HttpClient, settings

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM


class Noting(GrpcStage):
    """Notes which calls are hit."""

    def __init__(self, line=None, **attributes):
        super().__init__(GrpcToxic(**attributes), line or RecordedLine())
        self.hit = []

    def on_hit(self, stream):
        self.hit.append(stream)


def opened(**attributes):
    """A stage on a connection that has begun, and its client."""
    stage, client = Noting(**attributes), HttpClient()
    tell(stage, UP, client.preface())
    return stage, client


CALLS = st.lists(st.tuples(st.sampled_from(["/a.A/One", "/b.B/Two"]), st.binary(max_size=40)), max_size=6)


@given(CALLS, st.data(), st.sampled_from(["", "Two", "\n\x01a"]))
def test_bytes_cut_anywhere_hit_the_same_calls_and_pass_the_same(calls, data, match):
    client = HttpClient()
    sent = client.preface() + b"".join(client.call(path, message) for path, message in calls)
    answers = settings() + b"".join(hyper.DataFrame(2 * n + 1, b"x" * n).serialize() for n in range(len(calls)))
    whole, pieces = Noting(match=match), Noting(match=match)
    tell(whole, UP, sent)
    tell(whole, DOWN, answers)
    tell(pieces, UP, *cut(sent, data.draw(st.lists(st.integers(0, len(sent)), max_size=20))))
    tell(pieces, DOWN, *cut(answers, data.draw(st.lists(st.integers(len(settings()), len(answers)), max_size=20))))
    assert pieces.hit == whole.hit
    assert pieces.line.sent == whole.line.sent
    assert whole.line.sent[DOWN] == answers
    expected = [match in path or match.encode() in message for path, message in calls]
    assert whole.hit == [2 * n + 1 for n, hit in enumerate(expected) if hit]


def test_only_the_client_s_settings_are_changed():
    stage, client = Noting(), HttpClient()
    preface = client.preface(hyper.SettingsFrame.HEADER_TABLE_SIZE, 65_536)
    rest = client.call("/a.A/One", b"message") + hyper.SettingsFrame(0, flags=["ACK"]).serialize()
    tell(stage, UP, preface + rest)
    tell(stage, DOWN, settings())
    assert stage.line.sent[UP] == preface.replace(b"\0\1\0\1\0\0", b"\0\1\0\0\0\0") + rest
    assert stage.line.sent[DOWN] == settings()


def test_a_match_may_lie_on_the_border_of_two_frames():
    stage, client = opened(match="shard-7")
    tell(stage, UP, client.headers("/a.A/One"))
    for part in (b"..sha", b"rd", b"-7.."):
        assert stage.hit == []
        tell(stage, UP, client.data(part))
    assert stage.hit == [1]
    tell(stage, UP, client.data(b"shard-7"))
    assert stage.hit == [1]


@pytest.mark.parametrize("answer", [hyper.HeadersFrame(1, b"\x88", flags=["END_HEADERS"]), hyper.RstStreamFrame(1, 8)])
def test_a_call_that_is_being_answered_is_not_hit_any_more(answer):
    stage, client = opened(match="late")
    tell(stage, UP, client.headers("/a.A/One"))
    tell(stage, DOWN, settings() + answer.serialize())
    tell(stage, UP, client.data(b"late"))
    assert stage.hit == []


def test_the_share_is_drawn_among_the_calls_that_match():
    def hits():
        stage, client = opened(match="Two", share=0.5)
        for n in range(400):
            tell(stage, UP, client.call("/b.B/Two" if n % 2 else "/a.A/One", b""))
        return stage.hit

    assert 70 < len(hits()) < 130
    assert all(stream % 4 == 3 for stream in hits())
    assert hits() == hits()


def test_after_the_removal_no_call_is_hit_and_the_connection_goes_on():
    stage, client = opened()
    tell(stage, UP, client.headers("/a.A/One"))
    assert not stage.on_remove()
    tell(stage, UP, client.call("/a.A/One", b""))
    assert stage.hit == [1]


def test_on_an_older_connection_the_client_is_asked_to_open_another():
    stage = Noting(RecordedLine(since_start=False))
    data = hyper.DataFrame(1, b"x" * 30).serialize()
    tell(stage, UP, HttpClient().call("/a.A/One", b""))
    tell(stage, DOWN, data[:20], data[20:], data)
    assert stage.line.sent[DOWN] == data + http2.go_elsewhere() + data
    tell(stage, DOWN, data, data[:20])
    assert stage.line.sent[DOWN] == data + http2.go_elsewhere() + data + data + data[:20]
    assert stage.hit == []
    assert stage.on_remove()


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/1", b"\x16\x03\x01"])
@given(data=st.data())
def test_other_protocols_pass(said, data):
    stage = Noting()
    tell(stage, UP, *cut(said, data.draw(st.lists(st.integers(0, len(said)), max_size=4))))
    tell(stage, UP, b"more")
    tell(stage, DOWN, b"answer")
    assert stage.line.sent == {UP: said + b"more", DOWN: b"answer"}


def test_a_server_of_another_protocol_that_speaks_first_is_heard():
    stage = Noting()
    tell(stage, UP, b"PRI")
    tell(stage, DOWN, b"220 ready\r\n")
    assert stage.line.sent == {UP: b"PRI", DOWN: b"220 ready\r\n"}


@pytest.mark.parametrize(
    "broken", [hyper.HeadersFrame(1, b"\x80", flags=["END_HEADERS"]).serialize(), b"\0\0\5\4\0\0\0\0\0abcde"]
)
def test_what_is_malformed_is_for_the_server_to_refuse(broken):
    stage, _ = opened()
    before = stage.line.sent[UP]
    tell(stage, DOWN, settings() + b"\0\0")
    tell(stage, UP, broken + b"any")
    tell(stage, UP, b"thing")
    tell(stage, DOWN, b"\1")
    assert stage.line.sent == {UP: before + broken + b"anything", DOWN: settings() + b"\0\0\1"}


def test_what_waits_for_its_rest_goes_before_the_end():
    stage, client = opened()
    tell(stage, UP, client.call("/a.A/One", b"")[:-3])
    stage.on_end(UP, 0.0)
    assert stage.line.sent[UP].endswith(client.sent[:-3])
    assert stage.line.ended == [(UP, 0.0)]


def test_header_blocks_that_build_on_each_other_are_read():
    stage, client = opened(match="/b.B/Two")
    for path in ("/a.A/One", "/b.B/Two", "/b.B/Two", "/a.A/One"):
        tell(stage, UP, client.call(path, b""))
    assert stage.hit == [3, 5]
    decoder = hpack.Decoder()
    frames = http2.Frames()
    passed = frames.feed(stage.line.sent[UP].removeprefix(http2.PREFACE))
    paths = [dict(decoder.decode(frame.block))[":path"] for frame in passed if frame.kind == http2.HEADERS]
    assert paths == ["/a.A/One", "/b.B/Two", "/b.B/Two", "/a.A/One"]


def test_a_change_leaves_what_waits():
    assert Noting().on_update() is False
