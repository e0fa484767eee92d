import pytest

from evals.progress import steps


def test_each_step_has_a_bar_on_stderr(capsys: pytest.CaptureFixture[str], monkeypatch):
    from rich.console import Console

    monkeypatch.setattr("evals.progress.people", Console(stderr=True, force_terminal=False))
    with steps() as watch:
        for done in range(5):
            watch("asking", done, 4)
        watch("judging", 0, 1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "asking" in shown.err
    assert "4/4" in shown.err
    assert "judging" in shown.err
