"""HTTP/2 frames as the bytes arrive, and the few that a fault adds (RFC 9113).

Whoever passes every frame's `raw` on has changed nothing. A header block comes as one frame whatever number of
CONTINUATION frames it was sent in, since nothing may be put between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from hyperframe import frame as hyper
from hyperframe.exceptions import HyperframeError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
#: Bytes that either side may send on a new connection before the other grants more (RFC 9113, 6.9.2).
INITIAL_WINDOW = 65_535
HEADER_BYTES = 9
NO_ERROR, CANCEL = 0x0, 0x8
_LAST_STREAM = 2**31 - 1

HyperT = TypeVar("HyperT", bound=hyper.Frame)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, or a whole header block.

    Attributes:
        stream: 0 is the connection.
        raw: as it came, its CONTINUATION frames included.
    """

    kind: int
    flags: int
    stream: int
    raw: bytes

    @property
    def ends_stream(self) -> bool:
        """Whether its sender sends nothing more on the stream."""
        return self.kind == RST_STREAM or (self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM))

    @property
    def window_bytes(self) -> int:
        """What it takes of its receiver's window: content with padding (RFC 9113, 6.9.1)."""
        return len(self.raw) - HEADER_BYTES if self.kind == DATA else 0

    @property
    def content(self) -> bytes:
        """The content of a DATA frame without padding.

        Raises:
            ValueError: the padding is longer than the frame.
        """
        return _parsed(self.raw, hyper.DataFrame).data

    @property
    def block(self) -> bytes:
        """The compressed header fields, without padding and priority.

        Raises:
            ValueError: no frames that make a header block.
        """
        first, *others = split(self.raw)
        continuations = (_parsed(raw, hyper.ContinuationFrame).data for raw in others)
        return _parsed(first, hyper.HeadersFrame).data + b"".join(continuations)

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame sets: identifier -> value.

        Raises:
            ValueError: not a multiple of six bytes, or a value out of range.
        """
        return dict(_parsed(self.raw, hyper.SettingsFrame).settings)

    @property
    def increment(self) -> int:
        """Bytes that a WINDOW_UPDATE grants; 0 when it is malformed, which is its receiver's to refuse."""
        return int.from_bytes(self.raw[HEADER_BYTES:]) & 0x7FFFFFFF if len(self.raw) == HEADER_BYTES + 4 else 0

    def split(self, n_bytes: int) -> tuple[Frame, Frame]:
        """A DATA frame as two, the first with `n_bytes` of content or all; both together take of the window as one.

        Raises:
            ValueError: the padding is longer than the frame.
        """
        whole = _parsed(self.raw, hyper.DataFrame)
        first = hyper.DataFrame(self.stream, whole.data[:n_bytes])
        rest = hyper.DataFrame(self.stream, whole.data[n_bytes:], pad_length=whole.pad_length, flags=whole.flags)
        return _frame(first.serialize()), _frame(rest.serialize())


class Frames:
    """Cuts one direction into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._block = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes. Must be read to the end before more is fed."""
        self._rest += data
        while (size := _size(self._rest)) is not None:
            raw = self._block + bytes(memoryview(self._rest)[:size])
            del self._rest[:size]
            if _is_open_block(raw[-size:]):
                self._block = raw
            else:
                self._block = b""
                yield _frame(raw)

    def take_rest(self) -> bytes:
        """The bytes that are part of no frame yet, for whoever stops reading."""
        rest = self._block + bytes(self._rest)
        self._rest.clear()
        self._block = b""
        return rest


def split(raw: bytes) -> Iterator[bytes]:
    """The single frames in `raw`; bytes after the last whole one are left out."""
    while (size := _size(raw)) is not None:
        yield raw[:size]
        raw = raw[size:]


def are_whole_frames(data: bytes) -> bool:
    """Whether `data`, met in the middle of a connection, is whole frames, so that another may be put before it.

    It is told by lengths that fit exactly, kinds that exist, and streams that fit the kinds.
    """
    frames = list(split(data))
    fit = bool(frames) and sum(map(len, frames)) == len(data) and all(map(_is_plausible, frames))
    return fit and frames[0][3] != CONTINUATION


def reset(stream: int, error: int = CANCEL) -> bytes:
    """A frame that ends the stream at once."""
    return hyper.RstStreamFrame(stream, error).serialize()


def credit(stream: int, n_bytes: int) -> bytes:
    """A frame that grants the receiver `n_bytes` more to send; none for 0."""
    return hyper.WindowUpdateFrame(stream, n_bytes).serialize() if n_bytes else b""


def go_elsewhere() -> bytes:
    """A frame that asks the client to open no streams here any more and to finish those it has (RFC 9113, 6.8)."""
    return hyper.GoAwayFrame(0, _LAST_STREAM, NO_ERROR).serialize()


def last_headers(stream: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers that end the stream; `fields` are lower-case names and values of at most 126 bytes each.

    The block leaves the receiver's table of header fields empty and needs nothing from it (RFC 7541, 4.3 and 6.2.2).
    """
    block = b"\x20" + b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)
    return hyper.HeadersFrame(stream, block, flags=["END_STREAM", "END_HEADERS"]).serialize()


def without_header_table(frame: Frame) -> Frame:
    """A SETTINGS frame with its sender's table of header fields set to size 0; any other frame as it is.

    Header blocks towards that sender then depend on none that came before, and may be held back, left out or added.

    Raises:
        ValueError: the frame is malformed.
    """
    if frame.kind != SETTINGS or frame.flags & ACK:
        return frame
    settings = {**frame.settings, hyper.SettingsFrame.HEADER_TABLE_SIZE: 0}
    return _frame(hyper.SettingsFrame(0, settings).serialize())


def _size(data: bytes | bytearray) -> int | None:
    """Bytes of the first frame; None until all of it has arrived."""
    if len(data) < HEADER_BYTES:
        return None
    size = HEADER_BYTES + int.from_bytes(data[:3])
    return size if len(data) >= size else None


def _is_open_block(raw: bytes) -> bool:
    """Whether only a CONTINUATION frame may follow."""
    return raw[3] in (HEADERS, PUSH_PROMISE, CONTINUATION) and not raw[4] & END_HEADERS


def _is_plausible(raw: bytes) -> bool:
    kind, connection = raw[3], raw[5:9] == b"\0\0\0\0"
    either = kind == WINDOW_UPDATE
    return kind <= CONTINUATION and raw[5] < 0x80 and (either or connection == (kind in (SETTINGS, PING, GOAWAY)))


def _frame(raw: bytes) -> Frame:
    return Frame(raw[3], raw[4], int.from_bytes(raw[5:9]) & 0x7FFFFFFF, raw)


def _parsed(raw: bytes, kind: type[HyperT]) -> HyperT:
    try:
        parsed, _ = hyper.Frame.parse_frame_header(memoryview(raw[:HEADER_BYTES]))
        parsed.parse_body(memoryview(raw[HEADER_BYTES:]))
    except HyperframeError as error:
        raise ValueError(str(error)) from error
    if not isinstance(parsed, kind):
        raise ValueError(f"a {type(parsed).__name__} where a {kind.__name__} has to be")  # noqa: TRY004
    return parsed


def _string(text: bytes) -> bytes:
    return bytes([len(text)]) + text
