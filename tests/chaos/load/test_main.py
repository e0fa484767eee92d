import asyncio
import subprocess
import sys

import orjson
import pytest

from chaos.load.__main__ import parse
from chaos.toolkit.calls import call


def test_options_have_defaults():
    options = parse(["--url", "http://127.0.0.1:1", "--rate", "5"])
    assert (options.rate, options.seed, options.fields, options.data, options.port) == (5.0, 0, {}, None, 0)
    assert parse(["--url=x", "--rate=1", '--fields={"cache": "default"}']).fields == {"cache": "default"}


async def test_it_sends_until_sigterm(stub, until):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos.load", "--url", stub.url, "--rate", "50"), stdout=subprocess.PIPE
    )
    try:
        url = orjson.loads(await process.stdout.readline())["url"]
        await until(lambda: len(stub.served) > 3)
        assert (await call("GET", f"{url}/figures"))["phase"] == "warm-up"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_wrong_url_is_one_line():
    command = [sys.executable, "-m", "chaos.load", "--url", "ftp://x", "--rate", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "ftp://x" in done.stderr


@pytest.mark.parametrize("arguments", [["--rate", "1"], ["--url", "x"]])
def test_url_and_rate_are_needed(arguments):
    with pytest.raises(SystemExit):
        parse(arguments)
