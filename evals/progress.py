"""How a measurement of several steps is shown while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evals.composed import Watch
from rag.cli.output import people

#: Units of a step between two drawings: the drawing is not to be found in what is timed.
DRAWN_EVERY = 20


@contextmanager
def steps() -> Iterator[Watch]:
    """A bar on stderr for each step that is told of."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=people, auto_refresh=False) as progress:
        tasks = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total)
            drawn = step == "ingesting" or done in {0, total} or done % DRAWN_EVERY == 0
            progress.update(tasks[step], completed=done, refresh=drawn)

        yield watch
