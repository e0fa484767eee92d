import signal
import subprocess
import sys
from contextlib import contextmanager

from qdrant_client.models import Distance, VectorParams

from tests.support.qdrant import connected


@contextmanager
def serving(folder):
    """The process and where it listens; ended in order at the end."""
    command = [sys.executable, "-m", "chaos.lab.qdrant", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


async def test_what_it_holds_survives_its_end(scratch):
    for known in ([], ["points"]):
        with serving(scratch) as address:
            async with connected(f"qdrant://{address}") as client:
                found = await client.get_collections()
                assert [each.name for each in found.collections] == known
                if not known:
                    params = VectorParams(size=2, distance=Distance.COSINE)
                    await client.create_collection("points", vectors_config=params)
