"""The table of foreign errors is complete: a release of the client or of gRPC with another kind fails here."""

import asyncio
import inspect

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from qdrant_client.common import client_exceptions
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http import exceptions as http_exceptions

from rag.errors import DependencyFailed, DependencyTimeout, Overloaded
from rag.retrieval.qdrant.errors import FOREIGN, STATUS, mapped, to_ours


def test_every_status_is_mapped():
    assert set(STATUS) == set(StatusCode) - {StatusCode.OK}


@pytest.mark.parametrize("module", [client_exceptions, http_exceptions])
def test_every_exception_of_the_client_is_known(module):
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)]
    assert kinds
    assert [kind for kind in kinds if not issubclass(kind, FOREIGN)] == []


@pytest.mark.parametrize("code", STATUS)
def test_a_status_becomes_our_error(code):
    error = to_ours("the search", AioRpcError(code, Metadata(), Metadata(), details="why"))
    assert type(error) is STATUS[code]
    assert error.message == f"the search failed: {code.name} why"


def test_a_server_that_has_too_much_to_do_says_when_to_come_back():
    error = to_ours("the search", ResourceExhaustedResponse("rate limit", 7))
    assert isinstance(error, Overloaded)
    assert error.retry_after_s == 7


@pytest.mark.parametrize("error", [ValueError("wrong size"), RuntimeError("closed")])
async def test_what_is_foreign_is_mapped(error):
    with pytest.raises(DependencyFailed, match=f"the search failed: {error}"):
        async with mapped("the search", 5):
            raise error


async def test_a_defect_of_ours_is_not_hidden():
    with pytest.raises(AttributeError):
        async with mapped("the search", 5):
            raise AttributeError


async def test_time_is_bounded():
    with pytest.raises(DependencyTimeout, match=r"the search took longer than 0\.01 s"):
        async with mapped("the search", 0.01):
            await asyncio.Event().wait()
