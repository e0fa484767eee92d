"""The commands `steadyrag eval cache` and `steadyrag cache train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from cache.scorer import Scorer, default_scorer
from cache.training import Trained, tabulate, train
from cache.verify import Verifier
from evals.cache.judging import judge, lay_out
from evals.cache.pairs import LabelledPair, Watch, half_of, read_pairs
from evals.cache.picture import svg
from evals.cache.report import summarise
from evals.errors import CannotMeasure
from rag.cli.output import people, print_json
from rag.embedding.files import prepare
from rag.embedding.onnx import OnnxModel
from rag.settings import load_settings

DEFAULT_OUT = "scorer.npz"
#: Questions between two drawings of the progress bar.
_DRAWN_EVERY = 200

_Half = Annotated[
    int | None, typer.Option(min=1, max=2, help="Only the first or the second half, dealt out by a hash.")
]


def cache(
    *,
    pairs: Annotated[list[Path], typer.Option(help="JSON Lines with a, b, label, kind; several times for several.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of pairs.")] = None,
    half: _Half = None,
    scorer: Annotated[Path | None, typer.Option(help="Weights of `cache train`; else those that ship.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw precision against hit ratio.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """How often the cache would serve a right and a wrong answer, the product and plain cosine side by side.

    Each pair is judged alone: would the answer stored for `a` be served for `b`? Evidence is not looked at.

    Example: `steadyrag eval cache --pairs qqp.jsonl.gz flips.jsonl --json --out curve.svg`
    """
    labelled = _labelled([*pairs, *(more or ())], half)
    model = _model()
    verifier = Verifier(_scorer(scorer, model))
    with _progress() as watch:
        laid_out = lay_out(labelled, model, watch)
    judged = judge(labelled, laid_out, verifier)
    summary = summarise(judged)
    if out is not None:
        _write(out, svg(judged).encode())
    if as_json:
        print_json(summary)
    else:
        people.print(_table(summary))


def train_scorer(
    *,
    pairs: Annotated[list[Path], typer.Option(help="JSON Lines with a, b, label; several times for several.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of pairs.")] = None,
    half: _Half = None,
    target_precision: Annotated[
        float, typer.Option(help="Least precision of what is served.", min=0.5, max=0.999)
    ] = 0.95,
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where the weights go.")] = Path(DEFAULT_OUT),
    seed: Annotated[int, typer.Option(help="The same seed and pairs give the same weights.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Train the pair scorer on labelled pairs of your own and pick its threshold.

    The threshold is the lowest at which the lower 95 % bound (Clopper-Pearson) of the precision reaches the target on
    pairs that the scorer was not trained on (cross-validation). Figures are of such pairs.

    Example: `steadyrag cache train --pairs pairs.jsonl --target-precision 0.95 --out scorer.npz`
    """
    labelled = _labelled([*pairs, *(more or ())], half)
    model = _model()
    with _progress() as watch:
        table = tabulate(lay_out(labelled, model, watch))
    names = ", ".join(path.name for path in [*pairs, *(more or ())])
    try:
        trained = train(
            table, embedder=model.info.model, target_precision=target_precision, seed=seed, trained_on=names
        )
    except ValueError as error:
        raise CannotMeasure(str(error)) from error
    except ImportError as error:
        raise CannotMeasure("training needs scikit-learn; run: pip install 'steadyrag[train]'") from error
    trained.scorer.save(out)
    if trained.precision is None:
        people.print(f"no threshold reaches a precision of {target_precision}: nothing would be served", style="yellow")
    summary = _figures(trained, out)
    if as_json:
        print_json(summary)
    else:
        people.print("\n".join(f"{name}: {value}" for name, value in summary.items()), highlight=False)


def _labelled(paths: list[Path], half: int | None) -> list[LabelledPair]:
    pairs = read_pairs(paths)
    return pairs if half is None else half_of(pairs, half)


def _figures(trained: Trained, out: Path) -> dict[str, Any]:
    return {
        "n": trained.n,
        "threshold": trained.threshold,
        "precision": trained.precision,
        "precision_lower95": trained.precision_lower95,
        "recall": trained.recall,
        "calibration_error": trained.calibration_error,
        "embedder": trained.scorer.embedder,
        "out": str(out),
    }


def _model() -> OnnxModel:
    settings = load_settings()
    return OnnxModel.load(prepare(settings.cache_dir, settings.embedder.model))


def _scorer(path: Path | None, model: OnnxModel) -> Scorer:
    try:
        scorer = Scorer.load(path) if path else default_scorer()
    except ValueError as error:
        raise CannotMeasure(str(error)) from error
    if scorer.embedder != model.info.model:
        raise CannotMeasure(f"the weights belong to vectors of {scorer.embedder}, not of {model.info.model}")
    return scorer


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotMeasure(f"cannot write {path}: {error}") from error


@contextmanager
def _progress() -> Iterator[Watch]:
    with Progress(console=people, auto_refresh=False) as progress:
        task = progress.add_task("embedding", total=None)

        def watch(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, refresh=done % _DRAWN_EVERY == 0 or done == total)

        yield watch


def _table(summary: Mapping[str, Any]) -> Table:
    table = Table(title=f"{summary['n']} pairs, {summary['n_same']} with one answer")
    for name in ("policy", "served", "precision", "recall", "false hits", "at most (95 %)"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    for name, figures in summary["policies"].items():
        shares = (figures[key] for key in ("precision", "recall", "false_hit_rate", "false_hit_upper95"))
        table.add_row(name, str(figures["served"]), *("-" if s is None else f"{s:.3f}" for s in shares))
    return table
