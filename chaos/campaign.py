"""Several runs: of several experiments, of several seeds, or of several strengths of one fault."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from chaos import runner
from chaos.analysis.runs import breaking_point, median
from chaos.analysis.runs import sweep as by_strength
from chaos.catalogue import Experiment
from chaos.errors import CannotRun
from chaos.target import Target, lab_options, laboratory
from rag.cli.output import people

LABS = "labs"


class Campaign:
    """Runs one after another, each on a lab of its own; `with Campaign(...) as campaign`.

    Args:
        plan: how each is run; further runs have the seeds that follow.
        out: takes a folder for each run; None = they are not kept.
        runs: of each experiment.
        retries: how often an experiment that does not pass is run again, with the seeds that follow.
        target: instead of labs.
        vllm: interpreter with vLLM, for the models of the labs.

    Attributes:
        folders: of the runs that came to their end.
    """

    def __init__(
        self,
        plan: runner.Plan,
        out: Path | None,
        *,
        runs: int = 1,
        retries: int = 0,
        target: Target | None = None,
        vllm: Path | None = None,
    ) -> None:
        self.folders: list[Path] = []
        self._plan = plan
        self._out = out
        self._runs = runs
        self._retries = retries
        self._target = target
        self._vllm = vllm

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="steadyrag-chaos-", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    async def run(self, experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
        """The figures of each experiment, medians where there are several runs; `misses` are the tries before.

        Raises:
            CannotRun: one cannot be run at all.
        """
        if self._target is not None:
            for experiment in experiments:
                self._target.require(experiment)
        return [await self._tried(each) for each in experiments]

    async def _tried(self, experiment: Experiment) -> dict[str, Any]:
        misses: list[dict[str, Any]] = []
        while True:
            again = len(misses)
            plan = replace(self._plan, seed=self._plan.seed + again * self._runs)
            figures = await self._repeated(
                experiment, plan, f"{experiment.name}-again-{again}" if again else experiment.name
            )
            if figures["verdict"] == "pass" or again == self._retries:
                return {**figures, "misses": misses}
            misses.append({"seed": plan.seed, "verdict": figures["verdict"], "reasons": figures["reasons"]})

    async def sweep(self, experiment: Experiment, values: Sequence[float]) -> dict[str, Any]:
        """The experiment under each strength of its fault, and where it breaks.

        Raises:
            CannotRun: its fault has no strength.
        """
        if (parameter := experiment.about.get("sweep")) is None:
            raise CannotRun(f"the fault of {experiment.name} has no strength to be swept")
        found = []
        for value in values:
            plan = replace(self._plan, configuration={**self._plan.configuration, parameter: value})
            found.append((value, await self._repeated(experiment, plan, f"{experiment.name}-{value:g}")))
        strengths = by_strength(found, experiment.about["targets"])
        holds, breaks = breaking_point(strengths)
        return {
            "experiment": experiment.name,
            "parameter": parameter,
            "holds_up_to": holds,
            "breaks_at": breaks,
            "table": [{"value": each.value, **_row(each.figures)} for each in strengths],
        }

    async def _repeated(self, experiment: Experiment, plan: runner.Plan, name: str) -> dict[str, Any]:
        folders = [name] if self._runs == 1 else [f"{name}/{number}" for number in range(1, self._runs + 1)]
        plans = [replace(plan, seed=plan.seed + number) for number in range(self._runs)]
        runs = [await self._once(experiment, *each) for each in zip(plans, folders, strict=True)]
        if unfinished := next((each for each in runs if "phases" not in each), None):
            return unfinished
        return {**median(runs, experiment.about["targets"]), "runs": len(runs)}

    async def _once(self, experiment: Experiment, plan: runner.Plan, name: str) -> dict[str, Any]:
        folder = (self._out or Path(self._scratch.name)) / name
        async with self._on(experiment, plan) as target:
            figures = await runner.run(experiment, target, plan, folder)
        if (folder / "run.json").exists():
            self.folders.append(folder)
        reasons = "; ".join(figures["reasons"])
        people.print(f"{name}: {figures['verdict']}{f' ({reasons})' if reasons else ''}", highlight=False)
        return figures

    def _on(self, experiment: Experiment, plan: runner.Plan) -> AbstractAsyncContextManager[Target]:
        if self._target is not None:
            return nullcontext(self._target)

        def say(line: str) -> None:
            people.print(f"{experiment.name}: {line}", highlight=False)

        # a lab goes on with what another of as many replicas has taken in
        replicas = experiment.about.get("lab", {}).get("replicas", 1)
        folder = Path(self._scratch.name) / LABS / str(replicas)
        options = lab_options(
            experiment, folder=folder, data=plan.data, vllm_python=self._vllm, seed=plan.seed, say=say
        )
        return laboratory(options)


def _row(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What a table of strengths tells."""
    fault = (figures.get("phases") or {}).get("fault") or {}
    keys: Iterable[str] = (*runner.KEYS, "reasons")
    return {key: figures.get(key) for key in keys if key != "experiment"} | {"p95_ms": fault.get("p95_ms")}
