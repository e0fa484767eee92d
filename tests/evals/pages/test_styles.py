from evals.pages.styles import STYLES, styled


def test_styles_begin_again_after_the_last(found):
    runs = [found("cache", str(n)) for n in range(len(STYLES) + 1)]
    assert [(style, run.name) for style, run in styled(runs)][-2:] == [(6, "5"), (1, "6")]
