import asyncio
from types import SimpleNamespace

import pytest

from evals.errors import CannotMeasure
from evals.load.generator import LoadRun
from evals.load.records import Record
from evals.load.slo import Slo
from evals.soak.run import MEASURES, Sampler, summarise


def answer(e2e_s, error=None):
    return Record("r", 0.0, 0.0, e2e_s, e2e_s, error=error)


def sample(n, rss_mib=500.0, **fields):
    kept = {"handles": 40.0, "threads": 9.0, "p50_ms": 20.0, "p99_ms": 30.0} | fields
    return {"at_s": 10.0 * n, "rss_mib": rss_mib, **kept}


def figures(samples):
    return summarise(LoadRun([answer(0.1)], 1_800.0, 0.1, interrupted=False), samples, slo=Slo())


async def test_each_sample_has_the_answers_since_the_last():
    generator, told = SimpleNamespace(records=[]), []
    batches = iter([[answer(0.1), answer(0.3), answer(9.0, "timeout")], []])

    def held():
        generator.records += next(batches, [])
        return {"rss_mib": 1.0}

    sampler = Sampler(held, 0.001, told.append)
    watching = asyncio.ensure_future(sampler.watch(generator))
    async with asyncio.timeout(10):
        while len(sampler.samples) < 3:  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0)
    watching.cancel()
    first, second, third = sampler.samples[:3]
    assert (first["answers"], first["p50_ms"]) == (0, None)
    assert (second["answers"], second["errors"], second["p50_ms"]) == (2, 1, pytest.approx(200))
    assert third["answers"] == 0
    assert told[:3] == [first, second, third]


def test_a_service_that_stays_as_it_is():
    found = figures([sample(n) for n in range(180)])
    assert (found["leaks"], found["judged"], list(found["trends"])) == ([], True, list(MEASURES))
    assert found["minutes"] == pytest.approx(29.8, abs=0.1)


def test_what_grows_is_named():
    samples = [sample(n, rss_mib=500 + n, handles=40.0 + n // 20, p99_ms=30 + 0.01 * n) for n in range(180)]
    assert figures(samples)["leaks"] == ["rss_mib", "handles"]


def test_without_samples_nothing_is_judged():
    found = figures([])
    assert (found["leaks"], found["judged"], found["minutes"]) == ([], False, 30.0)


async def test_a_process_that_is_gone_ends_the_load():
    stopped = []

    def held():
        raise CannotMeasure("cannot measure process 7")

    sampler = Sampler(held, 0.001, stopped.append)
    async with asyncio.timeout(10):
        await sampler.watch(SimpleNamespace(records=[], stop=lambda: stopped.append("load")))
    assert (stopped, sampler.lost) == (["load"], "cannot measure process 7")
