"""What the dependency audit of `make check` makes of pip-audit's report; the audit itself asks the network."""

import runpy

import pytest

GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1", "3.0"]}]}
LOST = {"name": "lost", "version": "3.0", "vulns": [{"id": "CVE-2", "fix_versions": []}]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found"}
OURSELVES = {"name": "steadyrag", "skip_reason": "distribution marked as editable"}


@pytest.fixture(scope="module")
def judge(root):
    return runpy.run_path(str(root / ".ci" / "audit.py"))["judge"]


@pytest.mark.parametrize(
    ("entries", "lines", "status"),
    [
        ([GOOD, OURSELVES], ["1 of 1 distributions audited"], 0),
        (
            [GOOD, BAD, LOST],
            [
                "bad 2.0: CVE-1, mended in 2.1, 3.0",
                "lost 3.0: CVE-2, mended in no version",
                "3 of 3 distributions audited",
            ],
            1,
        ),
        (
            [GOOD, UNKNOWN],
            ["NOT DONE for unknown: no advisories can be had for them", "1 of 2 distributions audited"],
            0,
        ),
        ([UNKNOWN, OURSELVES], ["NOT DONE: no advisories can be had here"], 0),
    ],
)
def test_what_is_said_and_when_it_fails(judge, entries, lines, status):
    assert judge({"dependencies": entries}) == (lines, status)
