"""What an HTTP/2 client sends, as bytes."""

import hpack
from hyperframe import frame as hyper

from chaos.proxy.wire.http2 import PREFACE


def settings(identifier=4, value=100_000):
    return hyper.SettingsFrame(0, {identifier: value}).serialize()


class HttpClient:
    """Calls of one connection, whose header blocks build on each other; `sent` is what the last one sent."""

    def __init__(self):
        self._encoder = hpack.Encoder()
        self.stream = -1
        self.sent = b""

    def preface(self, identifier=4, value=100_000):
        return PREFACE + settings(identifier, value)

    def headers(self, path):
        """The beginning of the next call, with padding, priority and a block in two frames."""
        self.stream += 2
        block = self._encoder.encode([(":method", "POST"), (":path", path), ("te", "trailers")])
        flags = ["PADDED", "PRIORITY"]
        first = hyper.HeadersFrame(self.stream, block[:2], pad_length=3, depends_on=0, stream_weight=5, flags=flags)
        rest = hyper.ContinuationFrame(self.stream, block[2:], flags=["END_HEADERS"])
        return first.serialize() + rest.serialize()

    def data(self, content, *, ends=False):
        return hyper.DataFrame(self.stream, content, flags=["END_STREAM"] if ends else []).serialize()

    def call(self, path, message):
        self.sent = self.headers(path) + self.data(message, ends=True)
        return self.sent
