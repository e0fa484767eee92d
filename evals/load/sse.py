"""Server-sent events, cut into events as the bytes arrive (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re

# A CR at the end of what has arrived may be half of a CRLF, so it ends no line yet.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


class EventParser:
    """Bytes in, the `data` of completed events out; comments and other fields are passed over."""

    __slots__ = ("_data", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """The events that `received` completes, their data lines joined by LF."""
        *lines, self._rest = _LINE_END.split(self._rest + received)
        events = []
        for line in lines:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        return events
