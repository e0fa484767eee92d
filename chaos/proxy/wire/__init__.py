"""Protocols as the fault proxy reads them: bytes in, pieces out, no sockets."""
