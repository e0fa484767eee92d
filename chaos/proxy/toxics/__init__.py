"""All types of toxics, by their names in the API."""

from chaos.proxy.toxics.bandwidth import Bandwidth
from chaos.proxy.toxics.blackhole import Blackhole
from chaos.proxy.toxics.grpc_delay import GrpcDelay
from chaos.proxy.toxics.grpc_status import GrpcStatus
from chaos.proxy.toxics.http_status import HttpStatus
from chaos.proxy.toxics.latency import Latency
from chaos.proxy.toxics.limit_data import LimitData
from chaos.proxy.toxics.malformed import Malformed
from chaos.proxy.toxics.reset_peer import ResetPeer
from chaos.proxy.toxics.slicer import Slicer
from chaos.proxy.toxics.slow_close import SlowClose
from chaos.proxy.toxics.sse_cut import SseCut
from chaos.proxy.toxics.sse_stall import SseStall
from chaos.proxy.toxics.timeout import Timeout
from chaos.proxy.toxics.toxic import Toxic

TOXICS: dict[str, type[Toxic]] = {
    toxic.kind: toxic
    for toxic in (
        # Toxiproxy's
        Latency,
        Bandwidth,
        SlowClose,
        Timeout,
        ResetPeer,
        Slicer,
        LimitData,
        # of single requests, and what else Toxiproxy lacks
        HttpStatus,
        SseStall,
        SseCut,
        GrpcStatus,
        GrpcDelay,
        Malformed,
        Blackhole,
    )
}
