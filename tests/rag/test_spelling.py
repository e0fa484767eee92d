import pytest
from pydantic import BaseModel

from rag.spelling import did_you_mean, field_names


class Point(BaseModel):
    x: int
    y: int


class Drawing(BaseModel):
    title: str
    origin: Point
    ends: list[Point] | None = None
    named: dict[str, Point] = {}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("topk", "did you mean top_k?"),
        ("filter", "did you mean filters?"),
        ("xyzzy", "known are filters, timeout_s, top_k"),
    ],
)
def test_the_nearest_names_are_told_or_all(name, hint):
    assert did_you_mean(name, ["top_k", "filters", "timeout_s", "top_k"]) == hint


def test_of_many_names_those_that_matter_are_told():
    assert did_you_mean("xyzzy", ["a", "b", "c"], listed=["c", "a"]) == "known are c, a"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ((), ["title", "origin", "ends", "named"]),
        (("origin",), ["x", "y"]),
        (("ends", 3), ["x", "y"]),
        (("named", "home"), ["x", "y"]),
        (("title",), ["title", "origin", "ends", "named"]),
    ],
)
def test_the_fields_at_a_place(path, names):
    assert field_names(Drawing, path) == names
