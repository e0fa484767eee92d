import pytest

from rag.pipeline.selection import Selection
from tests.rag.pipeline.test_stored import ANSWER, STORED


@pytest.mark.parametrize(
    ("selection", "fits"),
    [
        (Selection(), True),
        (Selection(tenant="tenant", collection="docs", document="d1", older_than_s=59), True),
        (Selection(tenant="another"), False),
        (Selection(collection="another"), False),
        (Selection(document="p1"), False),
        (Selection(older_than_s=60), False),
    ],
)
def test_what_is_meant(selection, fits):
    assert selection.fits(STORED.scope, ANSWER, 60.0) is fits
