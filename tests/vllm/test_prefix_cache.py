"""What prompt layout and choice of server bring in cached tokens, as vLLM counts them, on a replay of questions."""

import asyncio
import itertools
import statistics
import time
from contextlib import aclosing, asynccontextmanager

from rag.pipeline.prompt import Layout
from router.backends.openai import OpenAIBackend
from router.backends.outliers import OutlierConfig
from router.backends.replicas import ReplicatedBackend
from tests.vllm.replay import continued, has_squad, replay

QUESTIONS = 200
AT_ONCE = 8
#: Times what round robin finds; among the few and short passages of the docs all conversations overlap.
GAIN, GAIN_DOCS = 1.5, 1.2


async def measured(backend, prompt):
    """Cached tokens, and seconds to the first chunk."""
    began = time.perf_counter()
    async with aclosing(backend.stream(prompt, timeout_s=60)) as chunks:
        first = await anext(chunks)
        first_s = time.perf_counter() - began
        last = first
        async for chunk in chunks:
            last = chunk
    return last.usage.cached_tokens, first_s


async def test_the_layout_is_cached_twice_as_much_as_a_naive_one_and_answers_sooner(small, pytestconfig):
    backend = OpenAIBackend(small.base_url, "small")
    layout = Layout()
    runs = {"layout": [], "naive": []}
    for each in replay(pytestconfig.rootpath, top_k=5)[:QUESTIONS]:  # in turns, so that both meet the same machine
        runs["layout"].append(await measured(backend, each.prompt(layout, salt="layout")))
        runs["naive"].append(await measured(backend, each.naive(salt="naive")))
    await backend.aclose()
    cached = {name: sum(tokens for tokens, _ in run) for name, run in runs.items()}
    ttft_ms = {name: statistics.median(seconds for _, seconds in run) * 1e3 for name, run in runs.items()}
    print(f"cached tokens {cached}, TTFT p50 ms {ttft_ms}")
    assert cached["layout"] >= 2 * cached["naive"]
    assert ttft_ms["layout"] < ttft_ms["naive"]


@asynccontextmanager
async def twins(fleet):
    """One back end for each server of the model that both serve."""
    backends = [OpenAIBackend(server.base_url, "twin") for server in fleet.values()]
    yield backends
    for backend in backends:
        await backend.aclose()


async def cached_tokens(prompts, pick):
    """Over all prompts, `AT_ONCE` under way; `pick` gives the back end of each."""
    waiting, found = iter(prompts), []

    async def work():
        for prompt in waiting:
            tokens, _ = await measured(pick(), prompt)
            found.append(tokens)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return sum(found)


def prompt_tokens(fleet):
    return [server.figure("prompt_tokens_total") for server in fleet.values()]


async def test_affinity_finds_one_and_a_half_times_what_round_robin_finds_and_keeps_the_balance(
    fleet, large, pytestconfig
):
    prompts, layout = continued(replay(pytestconfig.rootpath, top_k=8)), Layout()
    async with twins(fleet) as backends:
        turn = itertools.cycle(backends)
        by_turns = await cached_tokens([each.prompt(layout, salt="turns") for each in prompts], lambda: next(turn))
        before = prompt_tokens(fleet)
        servers = {str(n): backend for n, backend in enumerate(backends)}
        none_is_slow = OutlierConfig(max_share=0.0)  # two servers on few cores are no measure for each other
        affine = ReplicatedBackend("twin", servers, outliers=none_is_slow)
        by_affinity = await cached_tokens([each.prompt(layout, salt="affine") for each in prompts], lambda: affine)
        loads = [after - earlier for after, earlier in zip(prompt_tokens(fleet), before, strict=True)]
        await affine.aclose()
    print(f"{len(prompts)} prompts: cached by turns {by_turns}, by affinity {by_affinity}, loads {loads}")
    assert by_affinity >= (GAIN if has_squad(pytestconfig.rootpath) else GAIN_DOCS) * by_turns
    assert max(loads) <= 1.25 * statistics.mean(loads)
