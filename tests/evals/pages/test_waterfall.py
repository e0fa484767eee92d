from evals.pages.waterfall import of_runs, section


def test_the_stages_of_the_typical_and_of_the_slow_request(found, texts):
    shown = section([found("waterfall")])
    assert texts(shown, ".//figcaption") == ["p50: 120 ms", "p99: 420 ms"]
    assert "generate 400 ms, 95.2 %" in texts(shown, ".//rect/title")


def test_load_runs_that_tell_their_stages_are_shown_without_being_asked(found):
    (made,) = of_runs([found("latency", "staged", like="staged"), found("latency", "without"), found("sweep")])
    assert (made.name, made.kind, list(made.figures["runs"])) == ("staged", "waterfall", ["staged"])


def test_what_was_printed_is_not_shown_again(found):
    assert not list(of_runs([found("latency", "staged", like="staged"), found("waterfall", "printed")]))
