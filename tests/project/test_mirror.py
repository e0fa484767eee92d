"""Every module has its test where one looks for it, and every test its module."""

import ast

#: Errors are declarations, tested as a whole tree.
TESTED_ELSEWHERE = {"rag.errors", "router.errors", "cache.errors", "chaos.errors", "evals.errors"}


def has_logic(tree):
    """Whether anything in it can be wrong: a function that does something. Records, protocols and names cannot."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(not all(map(is_constant, function.body)) for function in functions)


def is_constant(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def mirror(name):
    """`rag.api.app` -> `tests/rag/api/test_app.py`; a package is named like a module: `rag.cli` -> `test_cli.py`."""
    *parents, last = name.split(".")
    return "/".join(["tests", *parents, f"test_{last.strip('_')}.py"])


def test_every_module_with_logic_has_its_test(modules, root):
    expected = {mirror(each.name) for each in modules if has_logic(each.tree) and each.name not in TESTED_ELSEWHERE}
    missing = sorted(path for path in expected if not (root / path).is_file())
    assert not missing, "\n".join(missing)


def test_every_test_has_its_module(modules, root, packages):
    expected = {mirror(module.name) for module in modules}
    tests = (path for package in packages for path in (root / "tests" / package).rglob("test_*.py"))
    orphans = sorted({path.relative_to(root).as_posix() for path in tests} - expected)
    assert not orphans, "\n".join(orphans)


def test_tests_are_no_package(root):
    assert not list((root / "tests").rglob("__init__.py"))


def test_has_logic_tells_behaviour_from_names():
    assert has_logic(ast.parse("class A:\n    def f(self):\n        'Told.'\n        return 1"))
    assert not has_logic(ast.parse("from a import b\nclass P:\n    def f(self):\n        'Told.'\n        ..."))


def test_mirror_follows_the_module_name():
    assert mirror("rag.api.app") == "tests/rag/api/test_app.py"
    assert mirror("rag.cli") == "tests/rag/test_cli.py"
    assert mirror("evals.bench.__main__") == "tests/evals/bench/test_main.py"
