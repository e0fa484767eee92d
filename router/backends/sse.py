"""Server-sent events, as far as chat servers use them (WHATWG HTML, section 9.2.6 "Interpreting an event stream")."""

from __future__ import annotations

import codecs
import io
from collections.abc import AsyncGenerator, AsyncIterable

#: No chat server sends an event near this size; past it the server is broken and would fill our memory.
MAX_EVENT_CHARS = 4_000_000


async def parse_sse(chunks: AsyncIterable[bytes]) -> AsyncGenerator[str, None]:
    """The data of each event of a byte stream that may be cut anywhere, inside a character too.

    Comments and the fields `event`, `id` and `retry` are passed over, as are events without data and one that the
    end of the stream cuts off. Bytes that are not UTF-8 become U+FFFD.

    Raises:
        ValueError: an event is longer than `MAX_EVENT_CHARS`.
    """
    data: list[str] = []
    async for line in _lines(chunks):
        if not line and data:
            yield "\n".join(data)
            data.clear()
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
            _bound(sum(map(len, data)))


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[str, None]:
    """Lines ended by LF, CRLF or CR; what follows the last line end is dropped."""
    utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
    decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
    pending = ""
    async for chunk in chunks:
        *lines, pending = (pending + decoder.decode(chunk)).split("\n")
        _bound(len(pending))
        for line in lines:
            yield line
    # The decoder holds back a final CR, which an LF could have followed.
    if decoder.decode(b"", final=True).endswith("\n"):
        yield pending


def _bound(size: int) -> None:
    if size > MAX_EVENT_CHARS:
        raise ValueError(f"an event of more than {MAX_EVENT_CHARS} characters")
