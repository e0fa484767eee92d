from rag.retrieval.payload import payload, terms
from tests.contracts.passage_index import point


def test_each_value_of_each_field_is_a_term():
    assert list(terms({"a": 1, "b": ["x", True], "c": 1.5, "d": None, "e": ()})) == [
        '["a", 1]',
        '["b", "x"]',
        '["b", true]',
    ]


def test_a_point_carries_its_space_and_its_document():
    assert payload(point("d", lang="en")) == {
        "space": "default/docs",
        "fields": ['["lang", "en"]', '["document_id", "d"]'],
    }
