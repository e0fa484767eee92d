"""What the client raises, as our errors: one table, proved complete by its test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from grpc import StatusCode
from grpc.aio import AioRpcError, UsageError
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException

from rag.errors import DependencyFailed, DependencyTimeout, Overloaded, Unavailable

#: gRPC status -> our error. Each may be gone at the next try: a wrong key or a missing collection is mended on the
#: server, while the service answers without it.
STATUS: Mapping[StatusCode, type[Unavailable]] = {
    StatusCode.CANCELLED: DependencyFailed,
    StatusCode.UNKNOWN: DependencyFailed,
    StatusCode.INVALID_ARGUMENT: DependencyFailed,
    StatusCode.DEADLINE_EXCEEDED: DependencyTimeout,
    StatusCode.NOT_FOUND: DependencyFailed,
    StatusCode.ALREADY_EXISTS: DependencyFailed,
    StatusCode.PERMISSION_DENIED: DependencyFailed,
    StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    StatusCode.FAILED_PRECONDITION: DependencyFailed,
    StatusCode.ABORTED: DependencyFailed,
    StatusCode.OUT_OF_RANGE: DependencyFailed,
    StatusCode.UNIMPLEMENTED: DependencyFailed,
    StatusCode.INTERNAL: DependencyFailed,
    StatusCode.UNAVAILABLE: DependencyFailed,
    StatusCode.DATA_LOSS: DependencyFailed,
    StatusCode.UNAUTHENTICATED: DependencyFailed,
}
#: The client's own exceptions. `ValueError` and `RuntimeError` are what it raises for arguments that do not fit the
#: collection, and once it is closed.
FOREIGN = (AioRpcError, ApiException, QdrantException, UsageError, ValueError, RuntimeError)


@asynccontextmanager
async def mapped(what: str, timeout_s: float) -> AsyncIterator[None]:
    """Bound the body, which asks `what`, and map what the client raises in it.

    The bound is our own: the client's timeouts are whole seconds in places.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.sleep(0)  # nothing is sent for a caller whose time has run out
            yield
    except TimeoutError:
        raise DependencyTimeout(f"{what} took longer than {timeout_s:.2f} s") from None
    except FOREIGN as error:
        raise to_ours(what, error) from error


def to_ours(what: str, error: Exception) -> Unavailable:
    """Our error for one of `FOREIGN`."""
    if isinstance(error, AioRpcError):
        return STATUS[error.code()](f"{what} failed: {error.code().name} {error.details()}")
    if isinstance(error, ResourceExhaustedResponse):
        return Overloaded(f"{what} failed: {error}").after(error.retry_after_s)
    return DependencyFailed(f"{what} failed: {error}")
