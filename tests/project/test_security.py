"""The threat model names what stands against each threat: it must be there."""

import re

import pytest

PATH = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|yaml))`")


def test_what_the_threat_model_names_exists(root):
    named = set(PATH.findall((root / "SECURITY.md").read_text(encoding="utf-8")))
    assert len(named) > 20
    assert not sorted(name for name in named if not (root / name).is_file())


@pytest.mark.parametrize(
    "threat",
    ["injection", "poisoning", "tenant", "response times", "request forgery", "bombs", "keys", "admin", "chaos"],
)
def test_the_threats_of_the_path_are_there(root, threat):
    rows = [row for row in (root / "SECURITY.md").read_text(encoding="utf-8").lower().splitlines() if "**" in row]
    assert any(threat in row and ".py`" in row for row in rows)
