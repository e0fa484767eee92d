import hpack
import pytest
from hyperframe import frame as hyper
from hypothesis import given
from hypothesis import strategies as st

from chaos.proxy.wire import http2
from chaos.proxy.wire.http2 import Frames
from tests.support.faulted import cut

BLOCK = hpack.Encoder().encode([(":path", "/a"), ("x", "y" * 50)])


def headers(stream=1, flags=("END_HEADERS",), **extras):
    return hyper.HeadersFrame(stream, BLOCK, flags=flags, **extras).serialize()


SPLIT_BLOCK = (
    hyper.HeadersFrame(3, BLOCK[:5], flags=["END_STREAM"]).serialize()
    + hyper.ContinuationFrame(3, BLOCK[5:9]).serialize()
    + hyper.ContinuationFrame(3, BLOCK[9:], flags=["END_HEADERS"]).serialize()
)
PADDED = hyper.DataFrame(1, b"content", pad_length=9, flags=["PADDED", "END_STREAM"]).serialize()
SETTINGS = hyper.SettingsFrame(0, {1: 8192, 4: 100_000}).serialize()
UNKNOWN = b"\0\0\3\xf0\0\0\0\0\1abc"
FRAMES = (
    headers(),
    SPLIT_BLOCK,
    PADDED,
    SETTINGS,
    UNKNOWN,
    hyper.DataFrame(1, b"x" * 40).serialize(),
    http2.credit(0, 5),
    http2.reset(1),
    http2.go_elsewhere(),
)


def read(*chunks):
    frames = Frames()
    return [frame for chunk in chunks for frame in frames.feed(chunk)]


def only(raw):
    (frame,) = read(raw)
    return frame


@given(st.data(), st.lists(st.sampled_from(FRAMES), min_size=1, max_size=8))
def test_bytes_cut_anywhere_are_the_same_frames_and_all_the_bytes(data, sent):
    whole = b"".join(sent)
    places = data.draw(st.lists(st.integers(0, len(whole)), max_size=30))
    frames = read(*cut(whole, places))
    assert [frame.raw for frame in frames] == sent
    assert frames == read(whole)


@given(st.binary(max_size=200), st.data())
def test_whatever_comes_is_passed_on(garbage, data):
    frames = Frames()
    chunks = cut(garbage, data.draw(st.lists(st.integers(0, len(garbage)), max_size=5)))
    passed = b"".join(frame.raw for chunk in chunks for frame in frames.feed(chunk))
    assert passed + frames.take_rest() == garbage
    assert frames.take_rest() == b""


@pytest.mark.parametrize(
    "raw",
    [
        headers(),
        SPLIT_BLOCK,
        headers(flags=("END_HEADERS", "PADDED", "PRIORITY"), pad_length=7, stream_weight=3, depends_on=5),
    ],
)
def test_a_block_comes_whole_without_padding_and_priority(raw):
    frame = only(raw)
    assert frame.kind == http2.HEADERS
    assert frame.block == BLOCK


def test_the_first_frame_of_a_block_says_whether_the_stream_ends():
    assert only(SPLIT_BLOCK).ends_stream
    assert not only(headers()).ends_stream


def test_content_and_window():
    frame = only(PADDED)
    assert frame.content == b"content"
    assert frame.window_bytes == len(b"content") + 9 + 1
    assert only(headers()).window_bytes == 0


@given(st.binary(max_size=50), st.integers(0, 60), st.integers(0, 9), st.booleans())
def test_a_split_frame_takes_as_much_of_the_window_and_ends_once(content, n_bytes, padding, ends):
    flags = [*(["PADDED"] if padding else []), *(["END_STREAM"] if ends else [])]
    whole = only(hyper.DataFrame(1, content, pad_length=padding, flags=flags).serialize())
    first, rest = whole.split(n_bytes)
    assert first.content == content[:n_bytes]
    assert first.content + rest.content == content
    assert first.window_bytes == len(first.content)
    assert first.window_bytes + rest.window_bytes == whole.window_bytes
    assert (first.ends_stream, rest.ends_stream) == (False, ends)


def test_increment():
    assert only(http2.credit(7, 1234)).increment == 1234
    assert only(b"\0\0\3\x08\0\0\0\0\0abc").increment == 0
    assert http2.credit(0, 0) == b""


def test_headers_that_end_a_stream_need_no_table_and_leave_none():
    decoder = hpack.Decoder()
    decoder.decode(hpack.Encoder().encode([("x-kept", "1")]))
    frame = only(http2.last_headers(5, [(b":status", b"200"), (b"grpc-status", b"14")]))
    assert (frame.stream, frame.ends_stream) == (5, True)
    assert decoder.decode(frame.block) == [(":status", "200"), ("grpc-status", "14")]
    assert decoder.header_table_size == 0


def test_settings_without_a_table_keep_the_rest():
    assert http2.without_header_table(only(SETTINGS)).settings == {1: 0, 4: 100_000}
    assert http2.without_header_table(only(hyper.SettingsFrame(0).serialize())).settings == {1: 0}


@pytest.mark.parametrize("raw", [hyper.SettingsFrame(0, flags=["ACK"]).serialize(), PADDED])
def test_other_frames_say_nothing_of_a_table(raw):
    assert http2.without_header_table(only(raw)) == only(raw)


@pytest.mark.parametrize(
    ("raw", "read_it"),
    [
        (b"\0\0\5\4\0\0\0\0\0abcde", lambda frame: frame.settings),
        (b"\0\0\1\0\x08\0\0\0\1\xff", lambda frame: frame.content),
        (b"\0\0\1\0\x08\0\0\0\1\xff", lambda frame: frame.split(1)),
        (http2.reset(1), lambda frame: frame.block),
    ],
)
def test_malformed_frames_are_told(raw, read_it):
    with pytest.raises(ValueError, match=r"."):
        read_it(only(raw))


@pytest.mark.parametrize("raw", [headers() + PADDED, http2.credit(3, 1), SETTINGS + http2.credit(0, 1) + SPLIT_BLOCK])
def test_whole_frames_are_known(raw):
    assert http2.are_whole_frames(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        headers()[:-1],
        headers() + b"\0",
        hyper.ContinuationFrame(3, BLOCK, flags=["END_HEADERS"]).serialize(),
        UNKNOWN,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\0" * 90,
        b"\0\0\0\0\0\x80\0\0\1",
    ],
)
def test_other_bytes_are_not(raw):
    assert not http2.are_whole_frames(raw)
