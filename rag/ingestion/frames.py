"""Messages between the service and the processes that it starts: a length of eight bytes, then a pickle.

Pickle, since both ends are this program: nobody else can write to the pipe.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from asyncio import StreamReader

_LENGTH_BYTES = 8


async def read(stream: StreamReader) -> Any:
    """The next message.

    Raises:
        asyncio.IncompleteReadError: the other end is gone.
    """
    length = int.from_bytes(await stream.readexactly(_LENGTH_BYTES), "big")
    return pickle.loads(await stream.readexactly(length))  # noqa: S301 - see above


def receive(stream: BinaryIO) -> Any:
    """The next message, for whoever may block.

    Raises:
        EOFError: the other end is gone.
    """
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "big")
    body = stream.read(length)
    if not length or len(body) < length:
        raise EOFError
    return pickle.loads(body)  # noqa: S301 - see above


def frame(message: object) -> bytes:
    """The message as it goes through the pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body
