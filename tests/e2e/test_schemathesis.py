"""schemathesis reads our OpenAPI document and sends what it can think of, good and bad: nothing ends in a 500."""

import hypothesis
import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

pytestmark = pytest.mark.slow

EXAMPLES = 120
#: What a caller gets from 500 on, and has asked for: only a stored answer, or one within a millisecond.
ASKED_FOR = {"not_cached", "deadline_exceeded", "dependency_timeout", "dependency_failed", "breaker_open"}
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def operations(served):
    """What the document describes."""
    document = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    return [result.ok() for result in document.get_all_operations()]


def test_what_fits_does_not_end_in_a_500(operations, subtests):
    for operation in operations:
        with subtests.test(operation.label):
            send(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))


def test_what_does_not_fit_does_not_either(operations, subtests):
    tried = set()
    for operation in operations:
        with subtests.test(operation.label):
            try:
                send(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
            except Unsatisfiable:
                continue  # it takes nothing, or any text
            tried.add(operation.label)
    assert tried >= {"POST /v1/chat/completions", "POST /v1/search", "POST /v1/documents", "GET /v1/documents"}


def send(cases):
    """Send what the strategy generates."""

    @SETTINGS
    @hypothesis.given(case=cases)
    def sent(case):
        response = case.call()
        assert response.headers["x-request-id"]
        if response.status_code >= 400:
            body = response.json()
            problem = body.get("error", body)
            assert response.status_code < 500 or problem["code"] in ASKED_FOR, case.as_curl_command()

    sent()
