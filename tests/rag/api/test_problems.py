import inspect

import pytest
import pytest_asyncio
from fastapi import FastAPI

import rag.errors
from rag.api.door import Door
from rag.api.problems import error_response, install
from rag.errors import ConfigError, InvalidRequest, SteadyragError
from rag.telemetry.metrics import Metrics
from tests.support.web import client_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLASSES = [cls for _, cls in inspect.getmembers(rag.errors, inspect.isclass) if issubclass(cls, SteadyragError)]
SECRET = "what the user asked"


@pytest.fixture(scope="module")
def app():
    """An application of two routes that raise what the test says, one native, one of OpenAI's."""
    app = FastAPI(openapi_url=None)
    app.state.error = None
    app.add_middleware(Door, metrics=Metrics())
    install(app)

    @app.get("/v1/documents")
    @app.get("/v1/models")
    async def route(limit: int = 1):
        raise app.state.error

    return app


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def http(app):
    async with client_of(app) as client:
        yield client


async def answer(http, path, method="GET"):
    async with http.request(method, path) as response:
        return response, await response.json()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
async def test_each_error_is_a_problem_on_native_routes(http, app, cls):
    app.state.error = cls("it is broken", param="field")
    response, body = await answer(http, "/v1/documents")
    assert response.status == cls.status
    assert response.headers["content-type"] == "application/problem+json"
    assert body.pop("title")
    assert body == {
        "type": f"urn:steadyrag:error:{cls.code}",
        "status": cls.status,
        "detail": "it is broken",
        "code": cls.code,
        "param": "field",
    }


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
async def test_each_error_is_an_error_object_on_openai_routes(http, app, cls):
    app.state.error = cls("it is broken", param="field")
    response, body = await answer(http, "/v1/models")
    assert response.status == cls.status
    assert response.headers["content-type"] == "application/json"
    kind = "invalid_request_error" if cls.status < 500 else "server_error"
    if cls.status == 429:
        kind = "rate_limit_error"
    assert body == {"error": {"message": "it is broken", "type": kind, "param": "field", "code": cls.code}}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
async def test_retry_after_stands_where_waiting_may_help(cls):
    header = error_response(cls("later"), "/v1/search").headers.get("retry-after")
    assert header == (None if cls.retry_after_s is None else str(cls.retry_after_s))


async def test_a_problem_without_a_field_names_none(http, app):
    app.state.error = InvalidRequest("wrong")
    _, body = await answer(http, "/v1/documents")
    assert "param" not in body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("DELETE", "/v1/documents", 405, "method_not_allowed")],
)
async def test_errors_of_the_framework_are_problems_too(http, method, path, status, code):
    response, body = await answer(http, path, method)
    assert (response.status, body["status"], body["code"]) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert (status != 405) or response.headers["allow"] == "GET"


async def test_a_parameter_that_does_not_fit_is_a_problem(http):
    response, body = await answer(http, "/v1/documents?limit=many")
    assert (response.status, body["code"], body["param"]) == (400, "invalid_request", "limit")


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/models"])
async def test_of_an_unforeseen_error_the_class_alone_goes_out(http, app, path, caplog):
    app.state.error = ValueError(SECRET)
    response, body = await answer(http, path)
    assert response.status == 500
    assert "internal error (ValueError)" in str(body)
    assert "internal_error" in str(body)
    assert SECRET not in str(body)
    assert response.headers["x-request-id"]
    assert any(record.exc_info[0] is ValueError for record in caplog.records if record.exc_info), "it is logged"


async def test_wrong_settings_found_while_serving_are_the_services_fault(http, app):
    app.state.error = ConfigError("the folder is damaged")
    response, _ = await answer(http, "/v1/documents")
    assert response.status == 500
