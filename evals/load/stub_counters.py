"""What the stub model counts, and the `vllm:*` text that autoscalers and planners read.

Names and meaning as in vLLM's metrics: the prefix cache counts tokens, not requests.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class PrefixCache:
    """Which prompt blocks have been seen behind which prefix; the least recently used go first.

    Only whole blocks count, so a shared prefix shorter than `block_tokens` never hits.
    """

    def __init__(self, block_tokens: int = 16, capacity_blocks: int = 100_000) -> None:
        self._block_tokens = block_tokens
        self._capacity_blocks = capacity_blocks
        self._seen: OrderedDict[int, None] = OrderedDict()

    def visit(self, tokens: Sequence[str]) -> int:
        """Store the prompt; the number of its leading tokens that were there already."""
        prefix, hits, unbroken = 0, 0, True
        for start in range(0, len(tokens) - self._block_tokens + 1, self._block_tokens):
            prefix = hash((prefix, *tokens[start : start + self._block_tokens]))
            unbroken = unbroken and prefix in self._seen
            hits += self._block_tokens * unbroken
            self._seen[prefix] = None
            self._seen.move_to_end(prefix)
        while len(self._seen) > self._capacity_blocks:
            self._seen.popitem(last=False)
        return hits


class Counters:
    """Tokens so far, by the name of their metric."""

    def __init__(self) -> None:
        names = ("prompt_tokens", "generation_tokens", "prefix_cache_queries", "prefix_cache_hits")
        self.totals = dict.fromkeys(names, 0)
        self._prefixes = PrefixCache()

    def count(self, prompt: Sequence[str], generated: int) -> dict[str, object]:
        """Count one finished answer; its usage as OpenAI's object."""
        cached = self._prefixes.visit(prompt)
        for name, tokens in zip(self.totals, (len(prompt), generated, len(prompt), cached), strict=True):
            self.totals[name] += tokens
        return {
            "prompt_tokens": len(prompt),
            "completion_tokens": generated,
            "total_tokens": len(prompt) + generated,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def exposition(self, model: str, *, running: int, waiting: int) -> str:
        """All metrics in Prometheus' text format, version 0.0.4."""
        rows = [("num_requests_running", "gauge", running), ("num_requests_waiting", "gauge", waiting)]
        rows += [(f"{name}_total", "counter", tokens) for name, tokens in self.totals.items()]
        return "".join(
            f'# TYPE vllm:{name} {kind}\nvllm:{name}{{model_name="{model}"}} {value}\n' for name, kind, value in rows
        )
