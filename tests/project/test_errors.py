"""One error tree per package, drawn where it is defined; each class says what the API answers."""

import ast
import builtins
import importlib
import inspect
import re
from http import HTTPStatus
from pathlib import Path

import pytest

import rag.errors

BRANCH = r"^(?P<indent>(?:│   |    )*)(?P<branch>[├└]── )?"
DRAWN = re.compile(BRANCH + r"(?P<name>[A-Z]\w+)(?:\s+(?P<status>\d{3})\b)?", re.M)
HOME = re.compile(r"\w+\.errors")
#: nginx's status for a client that left; it stands in metrics, nobody receives it.
CLIENT_CLOSED = 499


def parse_drawing(text):
    """The drawn tree as name -> (parent or None, status or None), top to bottom."""
    tree, path = {}, []
    for line in DRAWN.finditer(text):
        depth = len(line["indent"]) // 4 + bool(line["branch"])
        if depth == 0 and line.end() != len(text) and text[line.end()] != "\n":
            continue  # a sentence that begins with a capital
        path[depth:] = [line["name"]]
        status = line["status"] and int(line["status"])
        tree[line["name"]] = (path[depth - 1] if depth else None, status)
    return tree


def defined_errors(module):
    """The exception classes that the module defines: name -> class."""
    classes = {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    return {name: cls for name, cls in classes.items() if is_error(cls) and cls.__module__ == module.__name__}


def is_error(cls):
    return issubclass(cls, BaseException)


def classes_in(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


@pytest.fixture(params=sorted(path.parent.name for path in Path(__file__).parents[2].glob("*/errors.py")))
def errors(request):
    """The errors module of each package that has one."""
    return importlib.import_module(f"{request.param}.errors")


def test_the_drawing_is_the_tree(errors):
    classes = defined_errors(errors)
    parents = {name: cls.__base__.__name__ for name, cls in classes.items()}
    actual = {name: parent if parent in classes else None for name, parent in parents.items()}
    drawn = {name: parent for name, (parent, _) in parse_drawing(errors.__doc__).items()}
    assert drawn == actual
    assert list(actual.values()).count(None) == 1, "one root"


def test_a_drawn_status_is_the_status():
    classes = defined_errors(rag.errors)
    drawn = {name: status for name, (_, status) in parse_drawing(rag.errors.__doc__).items() if status}
    assert drawn
    assert drawn == {name: classes[name].status for name in drawn}


def test_exceptions_that_leave_their_module_are_defined_in_the_errors_module(modules):
    homes = [module for module in modules if HOME.fullmatch(module.name)]
    known = {node.name for home in homes for node in classes_in(home.tree)}
    known |= {name for name, value in vars(builtins).items() if inspect.isclass(value) and is_error(value)}
    strays = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules
        if module not in homes
        for node in classes_in(module.tree)
        if not node.name.startswith("_") and known & {ast.unparse(base).split(".")[-1] for base in node.bases}
    ]
    assert not strays, "\n".join(strays)


@pytest.mark.parametrize("cls", defined_errors(rag.errors).values(), ids=lambda cls: cls.__name__)
def test_each_error_says_what_the_api_answers(cls):
    assert "code" in vars(cls), "a code of its own"
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.code)
    assert cls.status == CLIENT_CLOSED or HTTPStatus(cls.status) >= HTTPStatus.BAD_REQUEST
    assert isinstance(cls.retryable, bool)
    assert cls.retry_after_s is None or cls.retry_after_s > 0
    assert cls.__doc__


def test_codes_are_unique():
    codes = [cls.code for cls in defined_errors(rag.errors).values()]
    assert len(codes) == len(set(codes))


def test_parse_drawing_reads_names_parents_and_status():
    drawing = "What can go wrong.\n\nRoot\n├── One   404  some text\n│   └── Under\n└── Two\n    └── Last  503\n"
    assert parse_drawing(drawing) == {
        "Root": (None, None),
        "One": ("Root", 404),
        "Under": ("One", None),
        "Two": ("Root", None),
        "Last": ("Two", 503),
    }
