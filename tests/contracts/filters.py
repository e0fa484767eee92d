"""Documents with fields of every kind, and the documents that each filter must leave: the same in every index."""

from __future__ import annotations

from rag.types import Filters

FIELDS: dict[str, dict[str, object]] = {
    "a": {"lang": "en", "year": 1, "open": True, "tags": ["x", "y"]},
    "b": {"lang": "de", "year": 2, "open": False, "tags": ["y"]},
    "c": {"lang": "en", "year": 2, "open": 1, "tags": []},
    "d": {"lang": "1", "year": "2", "open": "true", "we.ird [0] \"'key\\": "x", "": "empty"},
    "e": {"lang": ["en", "fr"], "year": 2**70, "score": 1.0, "nothing": None},
    "f": {},
}

CASES: list[tuple[Filters, str]] = [
    ({}, "abcdef"),
    ({"lang": "en"}, "ace"),
    ({"lang": "EN"}, ""),
    ({"lang": "fr"}, "e"),
    ({"lang": ["de", "fr"]}, "be"),
    ({"lang": ["de"], "year": 2}, "b"),
    ({"lang": "en", "year": 2}, "c"),
    ({"lang": []}, ""),
    ({"year": 1}, "a"),
    ({"year": 2}, "bc"),
    ({"year": "2"}, "d"),
    ({"year": True}, ""),
    ({"year": [1, "2"]}, "ad"),
    ({"year": 2**70}, "e"),
    ({"year": -1}, ""),
    ({"open": True}, "a"),
    ({"open": False}, "b"),
    ({"open": 1}, "c"),
    ({"open": 0}, ""),
    ({"open": [True, False]}, "ab"),
    ({"tags": "y"}, "ab"),
    ({"tags": ["x", "z"]}, "a"),
    ({"score": 1}, ""),
    ({"nothing": "null"}, ""),
    ({"absent": "x"}, ""),
    ({"we.ird [0] \"'key\\": "x"}, "d"),
    ({"": "empty"}, "d"),
    ({"document_id": "c"}, "c"),
    ({"document_id": ["a", "f", "zz"]}, "af"),
    ({"document_id": "a", "lang": "de"}, ""),
]
