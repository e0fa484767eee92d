"""Precision against hit ratio as a picture: an SVG without dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from evals.cache.judging import Floats, Judged
from evals.cache.report import rankings

WIDTH, HEIGHT, MARGIN = 640, 420, 60
COLOURS = ("#0b6e4f", "#7fb069", "#b5446e")
#: Below this precision no cache is of use.
FLOOR = 0.5
#: Points a line has at most.
POINTS = 400


def svg(judged: Judged) -> str:
    """One line for each ranking, from the strictest threshold to serving all; a dot is the operating point."""
    lines = {name: _hit_curve(score, judged) for name, score in rankings(judged).items()}
    body = [_axes(), *_drawn(lines), _dot(judged)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{"".join(body)}</svg>\n'
    )


def _hit_curve(score: Floats, judged: Judged) -> tuple[Floats, Floats]:
    """Share of all pairs that is served, and precision, at every threshold."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).astype(int))]
    served = ends + 1
    return served / len(score), np.cumsum(judged.same[order])[ends] / served


def _drawn(lines: Mapping[str, tuple[Floats, Floats]]) -> list[str]:
    drawn = []
    for place, ((name, (ratios, precisions)), colour) in enumerate(zip(lines.items(), COLOURS, strict=True)):
        points = " ".join(f"{_x(r):.1f},{_y(p):.1f}" for r, p in zip(ratios, precisions, strict=True))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        top = MARGIN + 16 * place
        drawn.append(f'<text x="{WIDTH - MARGIN}" y="{top}" text-anchor="end" fill="{colour}">{escape(name)}</text>')
    return drawn


def _dot(judged: Judged) -> str:
    if not judged.served.any():
        return ""
    ratio, precision = float(judged.served.mean()), float(judged.same[judged.served].mean())
    return f'<circle cx="{_x(ratio):.1f}" cy="{_y(precision):.1f}" r="5" fill="{COLOURS[0]}"/>'


def _axes() -> str:
    ticks = [f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="black"/>']
    for tenth in range(11):
        share = tenth / 10
        ticks.append(f'<text x="{_x(share):.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{share:.1f}</text>')
        if share >= FLOOR:
            ticks.append(f'<text x="{MARGIN - 8}" y="{_y(share) + 4:.0f}" text-anchor="end">{share:.1f}</text>')
    ticks.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 16}" text-anchor="middle">hit ratio</text>')
    ticks.append(f'<text x="16" y="{MARGIN - 20}">precision</text>')
    return "".join(ticks)


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(precision: float) -> float:
    span = HEIGHT - 2 * MARGIN
    return HEIGHT - MARGIN - span * (max(precision, FLOOR) - FLOOR) / (1 - FLOOR)
