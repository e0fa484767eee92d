import json
import subprocess
import sys

from chaos.proxy import bench

PROGRAM = """
from chaos.proxy import bench
bench.BULK_BYTES, bench.REQUESTS, bench.ROUNDS, bench.TARGET = 1024 * 1024, 64, 1, 1000.0
bench.main()
"""


def test_it_measures_both_ways_and_fails_below_the_target():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    figures = json.loads(done.stdout)
    assert list(figures) == [bench.bytes_per_s.__name__, bench.requests_per_s.__name__]
    assert all(value > 0 for figure in figures.values() for value in figure.values())
    assert (done.returncode, done.stderr) == (1, "")
