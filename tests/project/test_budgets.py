"""Files and functions stay small: the figures of well-kept projects, held as limits."""

import ast
import io
import statistics
import tokenize

import pytest

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def docstring(node):
    first = node.body[0] if node.body else None
    return first if isinstance(first, ast.Expr) and ast.get_docstring(node, clean=False) is not None else None


def lines_of(node):
    return set(range(node.lineno, node.end_lineno + 1))


def code_lines(text, tree):
    """Numbers of the lines that carry code: neither blank nor comment nor docstring."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (told := docstring(node)):
            lines -= lines_of(told)
    return lines


def function_lengths(text, tree):
    """Name -> lines of code, signature included; declarations without a body (protocols) do not count."""
    lines = code_lines(text, tree)
    return {
        f"{node.name}:{node.lineno}": len(lines & lines_of(node))
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and node.body != [docstring(node)]
    }


@pytest.fixture(scope="module")
def files(modules):
    """Path -> lines of code, longest first; files without any (a package's docstring) do not count."""
    lengths = {str(module.path): len(code_lines(module.text, module.tree)) for module in modules}
    return dict(sorted(((path, n) for path, n in lengths.items() if n), key=lambda item: -item[1]))


@pytest.fixture(scope="module")
def functions(modules):
    """Path and function -> lines of code, longest first."""
    lengths = {
        f"{module.path}:{name}": length
        for module in modules
        for name, length in function_lengths(module.text, module.tree).items()
    }
    return dict(sorted(lengths.items(), key=lambda item: -item[1]))


def longest(lengths):
    return "\n".join(f"{length:5} {name}" for name, length in list(lengths.items())[:20])


def test_no_file_is_long(files):
    assert not [(path, length) for path, length in files.items() if length > 400]


def test_the_typical_file_is_short(files):
    assert statistics.median(files.values()) < 150, longest(files)


def test_no_function_is_long(functions):
    assert not [(name, length) for name, length in functions.items() if length > 60]


def test_the_typical_function_is_short(functions):
    assert statistics.median(functions.values()) < 9, longest(functions)


def test_nine_functions_of_ten_are_short(functions):
    assert statistics.quantiles(functions.values(), n=10)[-1] < 30, longest(functions)


SAMPLE = '''"""Told
over two lines."""
# a comment

X = """kept:
a value"""

def f(
    a,
):
    """Told."""
    # why
    return a


class P:
    def declared(self):
        """Told."""
'''


def test_code_lines_leave_out_docstrings_comments_and_blank_lines():
    assert code_lines(SAMPLE, ast.parse(SAMPLE)) == {5, 6, 8, 9, 10, 13, 16, 17}


def test_function_lengths_count_the_signature_and_pass_over_declarations():
    assert function_lengths(SAMPLE, ast.parse(SAMPLE)) == {"f:8": 4}
