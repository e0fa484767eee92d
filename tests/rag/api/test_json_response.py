import json
from dataclasses import dataclass

import pytest

from cache.types import Verdict
from rag.api.json_response import json_response


@dataclass(frozen=True, slots=True)
class Record:
    verdict: Verdict


@pytest.mark.parametrize(
    ("content", "expected"),
    [({"a": [1, None]}, {"a": [1, None]}), (Record(Verdict.EXACT), {"verdict": "exact"}), ("ü", "ü"), ((), [])],
)
def test_records_and_enumerations_are_written_as_they_are(content, expected):
    response = json_response(content)
    assert json.loads(response.body) == expected
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.body))


def test_status_headers_and_type():
    response = json_response({}, status=503, headers={"Retry-After": "1"}, media_type="application/problem+json")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.headers["content-type"] == "application/problem+json"
