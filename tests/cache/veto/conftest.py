"""Two questions side by side."""

import pytest

from cache.alignment import align
from cache.question import parse


@pytest.fixture
def pair():
    return lambda asked, stored: align(parse(asked), parse(stored))
