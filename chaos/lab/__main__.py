"""`python -m chaos.lab --folder DIR [--data BEIR]`: a lab in the foreground, until Ctrl-C or SIGTERM.

The one line on stdout is a JSON object with its addresses, said when everything serves.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import orjson
import uvloop

from chaos.errors import CannotRun
from chaos.lab.lab import Lab
from chaos.lab.options import LabOptions


def main() -> None:
    """Read the command line and run the lab."""
    try:
        uvloop.run(_run(_options()))
    except CannotRun as error:
        sys.exit(f"lab: {error}")


async def _run(options: LabOptions) -> None:
    """Run until a signal comes; a second one does not wait for anything."""
    lab = Lab(options)
    running = asyncio.ensure_future(_serve(lab))

    def stop() -> None:
        if running.cancelling():
            lab.abandon()
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await asyncio.wait({running})
    if not running.cancelled():
        running.result()


async def _serve(lab: Lab) -> None:
    async with lab:
        sys.stdout.write(orjson.dumps(lab.addresses()).decode() + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stderr.write(f"lab: {line}\n")


def _options() -> LabOptions:
    parser = argparse.ArgumentParser("chaos.lab", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keeps the ingested corpus; else a temporary one")
    parser.add_argument("--data", type=Path, help="a corpus in BEIR's format; else this project's documentation")
    parser.add_argument("--replicas", type=int, default=1, help="of the API")
    parser.add_argument("--shards", type=int, default=4, help="of the dense index")
    parser.add_argument("--vllm-python", type=Path, help="interpreter of an environment with vLLM")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    return LabOptions(**vars(parser.parse_args()), say=_say)


if __name__ == "__main__":
    main()
