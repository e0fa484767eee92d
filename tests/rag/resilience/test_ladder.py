"""The ladder is the one that the documentation shows, and its labels are those that the parts use."""

import re

import pytest

from rag.resilience.ladder import LADDER, WORDS
from router.backends.extractive import WITHOUT_EMBEDDER

#: What stands for the braces of a label in the documentation.
SHOWN = {"shards:{}/{}": "shards:3/4", "model-fallback:{}": "model-fallback:small"}


@pytest.fixture(scope="module")
def page(pytestconfig):
    return (pytestconfig.rootpath / "docs" / "concepts.md").read_text(encoding="utf-8")


def test_every_rung_is_documented_and_no_other(page):
    table = page.partition("## Degraded answers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \w+ \| (.+?) \| (.+?) \| `(.+?)` \|$", table, re.M)
    assert set(rows) == {(rung.fails, rung.instead, SHOWN.get(rung.label, rung.label)) for rung in LADDER}


def test_the_extractive_answerer_knows_its_label():
    assert WORDS.label == WITHOUT_EMBEDDER
