import pytest
from pydantic import TypeAdapter, ValidationError

from rag.api.wire import UNSUPPORTED, ChatMessage, ChatRequest, CollectionName, DocumentBody, SearchRequest

COLLECTION = TypeAdapter(CollectionName)


@pytest.mark.parametrize("name", ["a", "default", "A.b_c-1", "0", "x" * 64])
def test_names_that_a_collection_may_have(name):
    assert COLLECTION.validate_python(name) == name


@pytest.mark.parametrize("name", ["", " ", ".a", "-a", "a/b", "a b", "a\n", "ä", "x" * 65])
def test_names_that_a_collection_may_not_have(name):
    with pytest.raises(ValidationError):
        COLLECTION.validate_python(name)


def test_text_parts_are_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert ChatMessage(role="user", content=parts).text() == "a\nb"
    assert ChatMessage(role="user", content="a").text() == "a"


def test_a_turn_may_carry_what_the_roles_of_openai_have():
    assert ChatMessage.model_validate({"role": "user", "content": "a", "name": "me"}).text() == "a"


def test_what_is_refused_by_name_is_not_a_field():
    assert not UNSUPPORTED & set(ChatRequest.model_fields)


def test_the_openai_fields_that_have_no_effect_are_taken():
    body = {"messages": [{"role": "user", "content": "a"}], "user": "me", "metadata": {"a": "b"}, "store": True, "n": 1}
    assert ChatRequest.model_validate(body).n == 1


@pytest.mark.parametrize("value", ["a", 1, True, -(2**63), ["a", 1, False], []])
def test_values_that_filters_compare(value):
    (kept,) = SearchRequest(query="a", filters={"key": value}).filters.values()
    assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize("value", [1.5, None, {"a": 1}, [["a"]], 2**63, [-(2**63) - 1]])
def test_values_that_they_do_not(value):
    with pytest.raises(ValidationError):
        SearchRequest(query="a", filters={"key": value})


@pytest.mark.parametrize("value", ["a", 1, True, 1.5, ["a", 1.5]])
def test_values_that_metadata_may_have(value):
    (kept,) = DocumentBody(id="a", text="b", metadata={"key": value}).metadata.values()
    assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize(
    "fields", [{"id": ""}, {"id": "x" * 513}, {"metadata": {"a": {}}}, {"format": "pdf"}, {"a": 1}]
)
def test_documents_that_do_not_fit(fields):
    with pytest.raises(ValidationError):
        DocumentBody.model_validate({"id": "a", "text": "b"} | fields)
