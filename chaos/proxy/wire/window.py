"""A client's flow-control window of one connection, when what the server sends is partly held back (RFC 9113, 5.2)."""

from __future__ import annotations

from chaos.proxy.wire.http2 import INITIAL_WINDOW


class Window:
    """Keeps what is held back from using up the window that other streams need.

    For held bytes the server is granted as many at once, by whoever holds them. When they are released, the client will
    grant them too, and that grant is kept from the server. What is granted for other bytes must reach it meanwhile:
    both would wait for ever otherwise. Since the server may thus send more than the client expects, what is passed on
    must be taken off `available`.

    Attributes:
        available: Bytes that the client will take.
        owed: Bytes released that the server was granted already.
    """

    def __init__(self) -> None:
        self.available = INITIAL_WINDOW
        self.owed = 0

    def release(self, n_bytes: int) -> None:
        """Bytes that were held are on their way to the client."""
        self.owed += n_bytes

    def grant(self, n_bytes: int) -> int:
        """The client takes more; the result is to be granted to the server."""
        self.available += n_bytes
        settled = min(self.owed, n_bytes)
        self.owed -= settled
        return n_bytes - settled
