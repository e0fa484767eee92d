"""Chaos Toolkit as a child process, which its own command line runs: `chaos run`, with the target's addresses.

Why a process: Chaos Toolkit holds the thread that it runs in, and takes over its signals; here the loop goes on, and
what runs is what a user would type. A signal of Ctrl-C is kept from it and handed on as SIGUSR1, the one on which
it plays the rollbacks wherever it is: SIGTERM inside an action only fails that action (chaoslib 1.44).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from chaos.errors import CannotRun
from chaos.faults import tether

JOURNAL, LOG, VARIABLES = "journal.json", "chaostoolkit.log", "variables.json"
#: Between two looks at the hypothesis, seconds.
FREQUENCY_S = 1.0
#: That the rollbacks may take when it is stopped, seconds.
ROLLBACK_S = 60.0
SAID_LINES = 3


def options(experiment: Path, folder: Path) -> list[str]:
    """What follows the command `chaos`: a run without its network calls and the user's own settings."""
    return [
        *("--no-version-check", "--settings", str(folder / "no-settings.yaml")),
        *("--no-log-file", "run", "--rollback-strategy", "always"),
        *("--hypothesis-strategy", "continuously", "--hypothesis-frequency", str(FREQUENCY_S)),
        *("--journal-path", str(folder / JOURNAL), "--var-file", str(folder / VARIABLES), str(experiment)),
    ]


async def run(experiment: Path, variables: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The journal of a run; when cancelled, it is stopped, its rollbacks first.

    Args:
        experiment: the file.
        variables: configuration -> value.
        folder: takes the journal and the log.

    Raises:
        CannotRun: Chaos Toolkit refuses the experiment.
    """
    (folder / VARIABLES).write_bytes(orjson.dumps({"configuration": variables}, option=orjson.OPT_INDENT_2))
    with (folder / LOG).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid())),
            *(sys.executable, "-m", "chaostoolkit", *options(experiment, folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        status = await process.wait()
    finally:
        await _end(process)
    journal = folder / JOURNAL
    if not journal.exists():
        said = (folder / LOG).read_text(errors="replace").splitlines()[-SAID_LINES:]
        raise CannotRun(f"Chaos Toolkit did not run {experiment.name}, status {status}: {' '.join(said)}")
    content: dict[str, Any] = orjson.loads(journal.read_bytes())
    return content


def deviated(journal: Mapping[str, Any], *, aborted: bool) -> bool:
    """Whether the steady state was left at any time; Chaos Toolkit's own word is only of its last look."""
    during = journal["steady_states"]["during"] or []
    left = any(state is not None and not state["steady_state_met"] for state in during)
    return bool(journal["deviated"]) or left or aborted


def obstacles(journal: Mapping[str, Any]) -> list[str]:
    """Why the run says nothing of the service: it was not steady to begin with, or an action failed."""
    before = journal["steady_states"]["before"]
    found = []
    if before is not None and not before["steady_state_met"]:
        probe = before["probes"][-1]
        found.append(f"not steady before the fault: {probe['activity']['name']} is {_told(probe)}")
    actions = [*journal["run"], *journal["rollbacks"]]
    return found + [f"{run['activity']['name']}: {_told(run)}" for run in actions if run["status"] == "failed"]


def _told(run: Mapping[str, Any]) -> str:
    return str(run.get("output") if run["status"] == "succeeded" else run["exception"][-1]).strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that it has ended; one that is still at work gets the time for its rollbacks."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGUSR1)
    try:
        await asyncio.wait_for(process.wait(), ROLLBACK_S)
    except TimeoutError:
        process.kill()
        await process.wait()
