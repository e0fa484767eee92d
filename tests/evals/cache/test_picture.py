import xml.etree.ElementTree as ET

import numpy as np

from evals.cache.judging import Judged
from evals.cache.picture import HEIGHT, WIDTH, svg


def judged(served):
    rng = np.random.default_rng(0)
    n = 1000
    score = rng.random(n)
    return Judged(
        same=rng.random(n) < score,
        kinds=("",) * n,
        cosine=score,
        probability=score,
        vetoed=rng.random(n) < 0.1,
        served=np.full(n, False) if not served else score > 0.9,
        decision_s=np.full(n, 1e-3),
    )


def shapes(text, name):
    return ET.fromstring(text).findall(f"{{http://www.w3.org/2000/svg}}{name}")


def test_a_line_for_each_ranking_within_the_picture():
    lines = shapes(svg(judged(served=True)), "polyline")
    assert len(lines) == 3
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        assert len(points) > 100
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_the_operating_point_is_a_dot_if_anything_is_served():
    assert len(shapes(svg(judged(served=True)), "circle")) == 1
    assert not shapes(svg(judged(served=False)), "circle")
