from xml.etree import ElementTree

from evals.routing.judging import judge
from evals.routing.picture import COLOURS, svg
from router.training import train


def test_a_panel_a_source_with_a_line_a_ranking(table):
    root = ElementTree.fromstring(svg(judge(train(table, embedder="tiny"), table)))
    space = "{http://www.w3.org/2000/svg}"
    panels = root.findall(f"{space}g")
    assert len(panels) == 2
    assert all(len(panel.findall(f"{space}polyline")) == len(COLOURS) for panel in panels)
    assert all(len(panel.findall(f"{space}circle")) == 1 for panel in panels)
