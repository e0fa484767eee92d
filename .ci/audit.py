"""Known vulnerabilities of the distributions that are installed here, by pip-audit; exit status 1 if there are any.

Where the database of advisories cannot be reached, or does not know a distribution, that is said and is no failure:
the rest of `make check` needs no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

#: Advisories that do not concern us -> why.
IGNORED: dict[str, str] = {}
TIMEOUT_S = 60
_COMMAND = ["-m", "pip_audit", "--local", "--skip-editable", "--format=json", "--progress-spinner=off", "--timeout=5"]


def main() -> int:
    """Audit, say what was found, and give back the exit status."""
    ignored = [f"--ignore-vuln={advisory}" for advisory in IGNORED]
    try:
        done = subprocess.run(
            [sys.executable, *_COMMAND, *ignored], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        report = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _tell([f"NOT DONE: the database did not answer within {TIMEOUT_S} s"], 0)
    except json.JSONDecodeError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return _tell([f"NOT DONE: {last[:200]}"], 0)
    return _tell(*judge(report))


def judge(report: dict[str, Any]) -> tuple[list[str], int]:
    """What to say of pip-audit's report, and the exit status."""
    entries = [entry for entry in report["dependencies"] if "editable" not in entry.get("skip_reason", "")]
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    flaws = [
        f"{entry['name']} {entry['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for entry in entries
        for flaw in entry.get("vulns", ())
    ]
    if len(unknown) == len(entries):
        return ["NOT DONE: no advisories can be had here"], 0
    gaps = [f"NOT DONE for {', '.join(unknown)}: no advisories can be had for them"] if unknown else []
    done = f"{len(entries) - len(unknown)} of {len(entries)} distributions audited"
    return [*flaws, *gaps, done], 1 if flaws else 0


def _tell(lines: list[str], status: int) -> int:
    print(*(f"dependency audit: {line}" for line in lines), sep="\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
