"""The lab server as a process: `python -m chaos.lab.qdrant --folder DIR [--port N]`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from chaos.lab.qdrant.server import serving


async def serve(folder: Path, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then flush the shards; the first line on stdout says where."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(folder, port=port) as server:
        sys.stdout.write(f"listening on 127.0.0.1:{server.port}\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser("chaos.lab.qdrant", description="Qdrant's protocol over Edge shards; no Qdrant.")
    parser.add_argument("--folder", type=Path, required=True, help="where the shards lie")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options = parser.parse_args()
    asyncio.run(serve(options.folder, options.port))


if __name__ == "__main__":
    main()
