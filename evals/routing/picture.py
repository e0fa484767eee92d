"""Quality against cost as a picture: an SVG without dependencies, one panel a source."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from evals.routing.judging import Judged
from evals.routing.measures import Floats, curve

WIDTH, HEIGHT, MARGIN = 420, 320, 56
COLOURS = {"classifier": "#0b6e4f", "length": "#b5446e", "shuffle": "#888888"}
#: Points a line has at most.
POINTS = 200


def svg(judged: Judged) -> str:
    """Mean quality over the share sent large: classifier, prompt length, and the straight line of a shuffle.

    The line's left end is the small model alone, its right end the large one; the dot is the operating point.
    """
    names = sorted({str(name) for name in judged.sources})
    panels = [
        f'<g transform="translate({place * WIDTH} 0)">{_panel(name, judged.of(name))}</g>'
        for place, name in enumerate(names)
    ]
    width = WIDTH * len(names)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{HEIGHT}" fill="white"/>{"".join(panels)}</svg>\n'
    )


def _panel(name: str, judged: Judged) -> str:
    ends = judged.quality.mean(axis=0)
    lines = {
        "shuffle": (np.array([0.0, 1.0]), ends),
        "length": curve(judged.length, judged.quality),
        "classifier": curve(judged.gain, judged.quality),
    }
    values = np.concatenate([quality for _, quality in lines.values()])
    scale = _Scale(float(values.min()), float(values.max()))
    large = judged.gain >= judged.threshold
    reached = float(np.where(large, judged.quality[:, 1], judged.quality[:, 0]).mean())
    dot = (
        f'<circle cx="{_x(float(large.mean())):.1f}" cy="{scale.y(reached):.1f}" r="5" fill="{COLOURS["classifier"]}"/>'
    )
    return scale.axes(name) + _drawn(lines, scale) + dot


class _Scale:
    """Where a quality stands in a panel whose qualities range from `low` to `high`."""

    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._span = max(high - low, 1e-9)

    def y(self, quality: float) -> float:
        """Pixels from the top."""
        return HEIGHT - MARGIN - (quality - self._low) / self._span * (HEIGHT - 2 * MARGIN)

    def axes(self, name: str) -> str:
        """The frame, its ticks and the panel's title."""
        parts = [f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="black"/>']
        for quarter in range(5):
            share, quality = quarter / 4, self._low + self._span * quarter / 4
            parts.append(
                f'<text x="{_x(share):.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{share:.2f}</text>'
                f'<text x="{MARGIN - 6}" y="{self.y(quality) + 4:.0f}" text-anchor="end">{quality:.2f}</text>'
            )
        parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">share sent large</text>')
        parts.append(f'<text x="{WIDTH / 2}" y="24" text-anchor="middle" font-weight="bold">{escape(name)}</text>')
        return "".join(parts)


def _drawn(lines: Mapping[str, tuple[Floats, Floats]], scale: _Scale) -> str:
    drawn = []
    for place, (name, (shares, qualities)) in enumerate(lines.items()):
        kept = np.unique(np.linspace(0, len(shares) - 1, POINTS).astype(int))
        points = " ".join(f"{_x(shares[i]):.1f},{scale.y(qualities[i]):.1f}" for i in kept)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        y = HEIGHT - MARGIN - 10 - 16 * place
        drawn.append(f'<text x="{WIDTH - MARGIN}" y="{y}" text-anchor="end" fill="{COLOURS[name]}">{name}</text>')
    return "".join(drawn)


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)
