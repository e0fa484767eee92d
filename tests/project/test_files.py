"""What no file of the repository may hold: places of one machine, hosts of registries, marks of a broken merge."""

import re

import pytest

MAX_BYTES = 1_000_000
#: Each pattern is written so that it does not match itself.
FORBIDDEN = {
    "an absolute path of one machine": re.compile(r"(?<![\w./~])/(?:(?:root|work|Users)/|(?:home|tmp)/\w)"),
    "the host of a package registry": re.compile(r"pypi\.org|npm[j]s\.|pythonhoste[d]"),
    "a sign that reorders text": re.compile("[\u202a-\u202e\u2066-\u2069]"),
    "a mark of an unfinished merge": re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)", re.M),
}


def faults(text):
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {what}: {match[0]!r}"
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(text)
    ]


def test_no_file_is_large(files, root):
    assert not [str(path.relative_to(root)) for path in files if path.stat().st_size > MAX_BYTES]


def test_no_file_holds_what_is_forbidden(files, root):
    found = [
        f"{path.relative_to(root)}:{fault}"
        for path in files
        for fault in faults(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("prefix", ["/", "open('/", "at /"])
@pytest.mark.parametrize("place", ["root/x", "work/x", "home/me/x", "tmp/x "])
def test_faults_sees_places_of_one_machine(prefix, place):
    assert faults(f"a line\n{prefix}{place}")


def test_faults_sees_the_rest():
    assert faults("pypi" + ".org")
    assert faults("a\u202eb")
    assert faults("<" * 7 + " HEAD")


@pytest.mark.parametrize("text", ["network/work/x", "https://host/root/x", "../work/x", "<<<<<<", "mountPath: /tmp\n"])
def test_faults_passes_over(text):
    assert not faults(text)
