"""No file of the repository holds a secret: detect-secrets' patterns for tokens of known issuers, and our own keys.

Its other detectors, by entropy and by names such as "password", take minutes here and find examples; ruff's S105 to
S107 look for passwords in the code.
"""

import re

import pytest

util = pytest.importorskip("detect_secrets.core.plugins.util")
base = pytest.importorskip("detect_secrets.plugins.base")

#: Detectors of what is no secret by itself.
PASSED_OVER = {"Public IP (ipv4)"}
#: Passwords of examples: of no server anywhere.
EXAMPLES = {"://user:hush@", "://user:hidden@"}
OURS = re.compile(r"sr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def patterns():
    """Issuer -> patterns of its secrets."""
    known = util.get_mapping_from_secret_type_to_class()
    found = {
        name: list(detector.denylist)
        for name, detector in known.items()
        if issubclass(detector, base.RegexBasedDetector) and name not in PASSED_OVER
    }
    return found | {"steadyrag": [OURS]}


def faults(patterns, text):
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: a secret of {issuer}"
        for issuer, each in patterns.items()
        for pattern in each
        for match in pattern.finditer(text)
        if match[0] not in EXAMPLES
    ]


def test_no_file_holds_a_secret(files, root, patterns):
    found = [
        f"{path.relative_to(root)}:{fault}"
        for path in files
        for fault in faults(patterns, path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("issuer", "secret"),
    [
        ("steadyrag", "sr_" + "0a" * 8 + "_" + "Ab3" * 14 + "x"),
        ("GitHub Token", "ghp" + "_" + "a1B2" * 9),
        ("AWS Access Key", "AKIA" + "IOSFODNN7ABCDEFG"),
        ("Private Key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("Basic Auth Credentials", "redis://me:" + "s3cret@cache:6379"),
    ],
)
def test_faults_sees(patterns, issuer, secret):
    assert f"2: a secret of {issuer}" in faults(patterns, f"a line\n{secret}\n")
