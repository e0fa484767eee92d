"""One direction of an HTTP/1.1 connection, cut into pieces as the bytes arrive (RFC 9112).

The pieces joined are the bytes that came: whoever passes every piece on has changed nothing, and whoever leaves out the
pieces of one message has removed that message and no other. httptools and h11 say what a message means, but not where
in the bytes it begins and ends, which is all that is asked here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

#: A longer head is taken for another protocol.
MAX_HEAD_BYTES = 256 * 1024
MAX_LINE_BYTES = 16 * 1024
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_DIGITS = re.compile(rb"\d{1,18}")


class Kind(Enum):
    """What a piece is."""

    HEAD = auto()  #: start line and headers of a message, whole
    DATA = auto()  #: content
    FRAMING = auto()  #: what holds content together: chunk sizes, trailers
    END = auto()  #: no bytes; the message is complete
    OPAQUE = auto()  #: no HTTP/1.1, or no longer: everything from here on


@dataclass(frozen=True, slots=True)
class Head:
    """Start line and headers.

    Attributes:
        method: of a request; b"" in a response.
        target: of a request, as sent; b"" in a response.
        status: of a response; 0 in a request.
        minor: the 1 of HTTP/1.1.
        headers: lower-case name -> value; what was sent more often is joined by commas.
    """

    method: bytes
    target: bytes
    status: int
    minor: int
    headers: dict[bytes, bytes]

    def has(self, name: bytes, token: bytes) -> bool:
        """Whether the list in header `name` holds `token`, in any case."""
        return token in (each.strip().lower() for each in self.headers.get(name, b"").split(b","))

    @property
    def closes(self) -> bool:
        """Whether the sender means the connection to end with this exchange."""
        return self.has(b"connection", b"close") or (self.minor == 0 and not self.has(b"connection", b"keep-alive"))


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the connection and what they are; `head` belongs to HEAD alone."""

    kind: Kind
    raw: bytes = b""
    head: Head | None = None


class _NotHttp(ValueError):
    """These bytes are no HTTP/1.1 message."""


class Reader(ABC):
    """Cuts one direction into pieces; subclasses say how a message begins and how long it is."""

    _line: ClassVar[re.Pattern[bytes]]
    _beginning: ClassVar[re.Pattern[bytes]]

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0
        self._next: Callable[[], Piece | None] = self._head

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that `data` completes; content comes as it arrives.

        Must be read to the end before more is fed.
        """
        self._rest += data
        while (piece := self._step()) is not None:
            yield piece

    def take_rest(self) -> bytes:
        """The bytes that are part of no piece yet, for whoever stops reading."""
        rest, self._rest = self._rest, b""
        return rest

    def _step(self) -> Piece | None:
        try:
            return self._next()
        except _NotHttp:
            self._next = self._opaque
            return self._opaque()

    @property
    def between_messages(self) -> bool:
        """Whether the last message is complete and nothing of another has arrived."""
        return self._next == self._head and not self._rest

    @abstractmethod
    def _start(self, line: re.Match[bytes], headers: dict[bytes, bytes]) -> Head:
        """What the first line of a message says."""

    @abstractmethod
    def _content(self, head: Head) -> Callable[[], Piece | None]:
        """How the content after the head is read."""

    def _head(self) -> Piece | None:
        if self._rest.startswith((b"\r\n", b"\n")):  # RFC 9112, 2.2: an empty line before a message means nothing
            return self._take(Kind.FRAMING, self._rest.index(b"\n") + 1)
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            self._check_beginning()
            return None
        line, *fields = self._rest[:end].split(b"\r\n")
        if not (start := self._line.fullmatch(line)):
            raise _NotHttp
        head = self._start(start, _headers(fields))
        self._next = self._content(head)
        return self._take(Kind.HEAD, end + 4, head)

    def _check_beginning(self) -> None:
        """Give up as early as possible: a peer of another protocol would wait for what is held back here."""
        line, ended, _ = self._rest.partition(b"\r\n")
        may_begin = self._line.fullmatch(line) if ended else self._beginning.match(line)
        if not may_begin or b"\n" in line or len(self._rest) > MAX_HEAD_BYTES:
            raise _NotHttp

    def _framed(self, head: Head) -> Callable[[], Piece | None] | None:
        """The state that reads the content by the head's own word; None when it says nothing of a length."""
        if b"transfer-encoding" in head.headers:
            return self._chunk_size if head.has(b"transfer-encoding", b"chunked") else None
        if (length := head.headers.get(b"content-length")) is None:
            return None
        if not _DIGITS.fullmatch(length):
            raise _NotHttp
        self._left = int(length)
        return self._sized if self._left else self._end

    def _sized(self) -> Piece | None:
        if not self._rest:
            return None
        piece = self._take(Kind.DATA, self._left)
        self._left -= len(piece.raw)
        if not self._left:
            self._next = self._end
        return piece

    def _chunk_size(self) -> Piece | None:
        if (end := self._line_end()) is None:
            return None
        if not (size := _CHUNK_SIZE.fullmatch(self._rest[: end - 2])):
            raise _NotHttp
        self._left = int(size[1], 16)
        self._next = self._chunk if self._left else self._trailer
        return self._take(Kind.FRAMING, end)

    def _chunk(self) -> Piece | None:
        piece = self._sized()
        if self._next == self._end:
            self._next = self._chunk_end
        return piece

    def _chunk_end(self) -> Piece | None:
        if len(self._rest) < 2:
            return None
        if not self._rest.startswith(b"\r\n"):
            raise _NotHttp
        self._next = self._chunk_size
        return self._take(Kind.FRAMING, 2)

    def _trailer(self) -> Piece | None:
        if (end := self._line_end()) is None:
            return None
        if end == 2:
            self._next = self._end
        return self._take(Kind.FRAMING, end)

    def _until_close(self) -> Piece | None:
        return self._take(Kind.DATA, len(self._rest)) if self._rest else None

    def _opaque(self) -> Piece | None:
        return self._take(Kind.OPAQUE, len(self._rest)) if self._rest else None

    def _end(self) -> Piece | None:
        self._next = self._head
        return Piece(Kind.END)

    def _line_end(self) -> int | None:
        end = self._rest.find(b"\r\n")
        if end < 0 and len(self._rest) > MAX_LINE_BYTES:
            raise _NotHttp
        return end + 2 if end >= 0 else None

    def _take(self, kind: Kind, n_bytes: int, head: Head | None = None) -> Piece:
        raw, self._rest = self._rest[:n_bytes], self._rest[n_bytes:]
        return Piece(kind, raw, head)


class Requests(Reader):
    """What a client sends. After CONNECT nothing is HTTP any more."""

    _line = re.compile(rb"(" + _TOKEN + rb") (\S+) HTTP/1\.([01])")
    _beginning = re.compile(_TOKEN + rb"(?: |\Z)|\r?\Z")

    @classmethod
    def begin_with(cls, data: bytes) -> bool:
        """Whether `data`, met in the middle of a connection, starts with a request line."""
        line, ended, _ = data.partition(b"\r\n")
        return bool(ended) and cls._line.fullmatch(line) is not None

    def _start(self, line: re.Match[bytes], headers: dict[bytes, bytes]) -> Head:
        return Head(line[1], line[2], 0, int(line[3]), headers)

    def _content(self, head: Head) -> Callable[[], Piece | None]:
        if head.method == b"CONNECT":
            return self._opaque
        if b"transfer-encoding" in head.headers and not head.has(b"transfer-encoding", b"chunked"):
            raise _NotHttp  # RFC 9112, 6.3: a request whose end nobody can tell
        return self._framed(head) or self._end


class Responses(Reader):
    """What a server sends.

    Attributes:
        methods: of the requests that it has still to answer, in order; whoever reads the requests appends to it.
            An answer that nobody asked for makes the rest opaque.
    """

    _line = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: .*)?")
    _beginning = re.compile(rb"HTTP/1\.[01] |[HTP/1.0]{0,8}\Z|\r\Z")

    def __init__(self) -> None:
        super().__init__()
        self.methods: deque[bytes] = deque()

    def _start(self, line: re.Match[bytes], headers: dict[bytes, bytes]) -> Head:
        if not self.methods:
            raise _NotHttp
        return Head(b"", b"", int(line[2]), int(line[1]), headers)

    def _content(self, head: Head) -> Callable[[], Piece | None]:
        if 100 <= head.status < 200:  # another head follows, unless the connection turns into something else
            return self._opaque if head.status == 101 else self._head
        method = self.methods.popleft()
        if method == b"CONNECT" and 200 <= head.status < 300:
            return self._opaque
        if method == b"HEAD" or head.status in (204, 304):
            return self._end
        return self._framed(head) or self._until_close


def _headers(fields: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for field in fields:
        name, colon, value = field.partition(b":")
        if not colon or not re.fullmatch(_TOKEN, name):
            raise _NotHttp
        name, value = name.lower(), value.strip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
