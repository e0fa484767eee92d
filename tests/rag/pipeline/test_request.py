import pytest

from rag.pipeline.request import asker
from rag.types import Principal, Role

KEY = Principal("key-1", "acme", frozenset(Role))


@pytest.mark.parametrize(("user", "expected"), [("ann", "acme/ann"), ("", "acme/key-1")])
def test_who_asks_is_the_user_or_else_the_caller_within_its_tenant(user, expected):
    assert asker(KEY, user) == expected
