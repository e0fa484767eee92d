"""pybreaker's own call paths are banned: on coroutines they count the creation as success, or let every trial through.

Its states, listeners and storage are sound; an async guard of ours drives those.
"""

import ast
import re

import pytest

BREAKER = re.compile(r"(^|_)breaker$|CircuitBreaker$", re.I)
ALWAYS_BANNED = {"call_async", "calling"}


def names_in(node):
    """Identifiers of a dotted expression: `self.breaker.call` -> self, breaker, call."""
    return [each.id if isinstance(each, ast.Name) else each.attr for each in dotted(node)]


def dotted(node):
    return [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)]


def is_breaker(node):
    return any(BREAKER.search(name) for name in names_in(node))


def decorators(tree):
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for decorator in (each for function in functions for each in function.decorator_list):
        yield decorator.func if isinstance(decorator, ast.Call) else decorator


def banned_lines(tree):
    """Lines on which a breaker runs a call itself."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    bad = [node for node in calls if node.attr in ALWAYS_BANNED or (node.attr == "call" and is_breaker(node.value))]
    return sorted({node.lineno for node in [*bad, *(each for each in decorators(tree) if is_breaker(each))]})


def test_no_breaker_runs_a_call_itself(modules):
    found = {str(module.path): banned_lines(module.tree) for module in modules}
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize(
    "source",
    [
        "self._breaker.call(f)",
        "CircuitBreaker(fail_max=3).call(f)",
        "await anything.call_async(f)",
        "with b.calling(): pass",
        "@breaker\nasync def f(): pass",
        "@pybreaker.CircuitBreaker(fail_max=3)\nasync def f(): pass",
    ],
)
def test_the_ban_sees(source):
    assert banned_lines(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    ["self._breaker.open()", "backend.call(prompt)", "@app.get('/admin/breaker')\nasync def breakers(): pass"],
)
def test_the_ban_passes_over(source):
    assert not banned_lines(ast.parse(source))
