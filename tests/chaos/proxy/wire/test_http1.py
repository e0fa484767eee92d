from itertools import groupby

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.wire.http1 import Kind, Requests, Responses
from tests.support.faulted import cut

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED_POST = (
    b"\r\nPUT /d HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    b"3;name=v\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
)
REQUESTS = (GET, POST, CHUNKED_POST, b"HEAD /h HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"
NO_CONTENT = b"\r\nHTTP/1.1 204 No Content\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED
RESPONSES = (SIZED, CHUNKED, NO_CONTENT, CONTINUED)


def fed(reader, data, cuts=()):
    """All pieces of `data`, cut there before it is fed, neighbours of one kind joined."""
    pieces = [piece for chunk in cut(data, cuts) for piece in reader.feed(chunk)]
    return [(kind, b"".join(each.raw for each in group)) for kind, group in groupby(pieces, lambda piece: piece.kind)]


def answering(n, method=b"GET"):
    reader = Responses()
    reader.methods.extend([method] * n)
    return reader


def cuts_of(data):
    return st.lists(st.integers(0, len(data)), max_size=30)


def messages(of):
    return st.lists(st.sampled_from(of), min_size=1, max_size=5)


@given(st.data(), messages(REQUESTS))
def test_requests_cut_anywhere_are_the_same_pieces_and_all_the_bytes(data, sent):
    whole = b"".join(sent)
    pieces = fed(Requests(), whole, data.draw(cuts_of(whole)))
    assert pieces == fed(Requests(), whole)
    assert b"".join(raw for _, raw in pieces) == whole
    assert [kind for kind, _ in pieces].count(Kind.END) == len(sent)


@given(st.data(), messages(RESPONSES))
def test_responses_cut_anywhere_are_the_same_pieces_and_all_the_bytes(data, sent):
    whole = b"".join(sent)
    pieces = fed(answering(len(sent)), whole, data.draw(cuts_of(whole)))
    assert pieces == fed(answering(len(sent)), whole)
    assert b"".join(raw for _, raw in pieces) == whole
    assert [kind for kind, _ in pieces].count(Kind.END) == len(sent)


@given(st.data(), st.binary(max_size=200))
def test_whatever_comes_is_passed_on(data, garbage):
    whole = GET + garbage
    reader = Requests()
    pieces = fed(reader, whole, data.draw(cuts_of(whole)))
    assert b"".join(raw for _, raw in pieces) + reader.take_rest() == whole


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.booleans())
def test_content_is_what_another_parser_reads(chunks, in_chunks):
    content = b"".join(chunks)
    if in_chunks:
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    else:
        raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
    told = Told()
    httptools.HttpResponseParser(told).feed_data(raw)
    assert told.done
    ours = [piece for piece in answering(1).feed(raw) if piece.kind is Kind.DATA]
    assert b"".join(piece.raw for piece in ours) == told.content == content


class Told:
    def __init__(self):
        self.content, self.done = b"", False

    def on_body(self, body):
        self.content += body

    def on_message_complete(self):
        self.done = True


def test_a_head_tells_method_target_and_headers():
    head = next(Requests().feed(b"GET /a HTTP/1.1\r\nAccept: x\r\nX-Two: a\r\nX-TWO:  b \r\n\r\n")).head
    assert (head.method, head.target, head.minor) == (b"GET", b"/a", 1)
    assert head.headers == {b"accept": b"x", b"x-two": b"a, b"}


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [("1.1", "", False), ("1.1", "close", True), ("1.0", "", True), ("1.0", "Keep-Alive", False)],
)
def test_whether_the_connection_ends_with_the_exchange(version, connection, closes):
    raw = f"GET / HTTP/{version}\r\nConnection: {connection}\r\n\r\n".encode()
    assert next(Requests().feed(raw)).head.closes is closes


def test_the_answer_to_head_has_no_content():
    kinds = [kind for kind, _ in fed(answering(1, b"HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")]
    assert kinds == [Kind.HEAD, Kind.END]


def test_content_without_a_length_goes_on_until_the_end():
    reader = answering(1)
    assert fed(reader, b"HTTP/1.1 200 OK\r\n\r\nabc")[-1] == (Kind.DATA, b"abc")
    assert fed(reader, b"HTTP/1.1 200 OK") == [(Kind.DATA, b"HTTP/1.1 200 OK")]
    assert not reader.between_messages


@pytest.mark.parametrize(
    "raw",
    [
        b"PING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"get key\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"GET /" + b"a" * 300_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_request_is_opaque_from_there_on(raw):
    reader = Requests()
    pieces = fed(reader, raw)
    assert pieces[-1][0] is Kind.OPAQUE
    assert b"".join(each for _, each in pieces) == raw
    assert fed(reader, GET) == [(Kind.OPAQUE, GET)]


@pytest.mark.parametrize(
    ("reader", "raw"),
    [
        (answering(0), SIZED),
        (answering(1), b"+PONG\r\n"),
        (answering(1), b"HTTP/2 200\r\n\r\n"),
        (answering(1), b"HTTP/1.1 101 Switching Protocols\r\n\r\nraw"),
        (answering(1, b"CONNECT"), b"HTTP/1.1 200 OK\r\n\r\nraw"),
    ],
)
def test_what_is_no_answer_is_opaque(reader, raw):
    assert fed(reader, raw)[-1][0] is Kind.OPAQUE


def test_nothing_of_http_follows_connect():
    assert [kind for kind, _ in fed(Requests(), b"CONNECT a:1 HTTP/1.1\r\n\r\n" + GET)] == [Kind.HEAD, Kind.OPAQUE]


@pytest.mark.parametrize(("data", "does"), [(POST, True), (b"GET / HTTP/1.1\r\nHo", True), (b"GET / HT", False)])
def test_whether_bytes_begin_a_request(data, does):
    assert Requests.begin_with(data) is does


def test_what_waits_for_more_is_given_back():
    reader = Requests()
    assert list(reader.feed(b"GET / HT")) == []
    assert not reader.between_messages
    assert reader.take_rest() == b"GET / HT"
    assert reader.between_messages
