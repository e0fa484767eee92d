from evals.pages.profile import section


def test_functions_and_where_the_graph_is(found, texts):
    shown = section([found("profile", "p")])
    assert texts(shown, ".//tbody/tr/td") == ["25.0%", "50.0%"]
    assert texts(shown, ".//p")[0].startswith("50 samples under 8 requests a second; flame graph: ")
