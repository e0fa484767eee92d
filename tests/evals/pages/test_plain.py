from evals.pages.plain import figures, suites


def test_steps_of_a_suite(found, texts):
    assert texts(suites([found("suite")]), ".//td")[:2] == ["✗ failed", "1 s"]


def test_numbers_by_the_way_to_them_runs_side_by_side(found, texts):
    shown = figures([found("x", "one", like="cache"), found("x", "two", like="cache")])
    assert texts(shown, ".//thead//th") == ["", "one", "two"]
    assert "policies: product: precision" in texts(shown, ".//tbody//th")
    assert texts(shown, ".//tbody/tr[1]/td") == ["100", "100"]
