import pytest

from tests.support.chaos_results import Story, write


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Result folders: one that passes, one that fails, and a sweep of three strengths."""
    base = tmp_path_factory.mktemp("results")
    short = {"baseline_s": 15, "fault_s": 15, "recovery_s": 15}
    bad = Story(**short, name="spike-10x<", seed=2, lost=3, refused=9, unlabelled=2, back_after_s=12)
    weak = {"opens_after_s": None, "back_after_s": 0.0, "open_factor": 1.0, "quality": None}
    targets = {"availability": [1, None], "unlabelled_degraded": [None, 0], "recovery_s": [None, 10]}
    swept = [
        Story(**short, seed=3, delay_ms=50.0, targets=targets, **weak),
        Story(**short, seed=3, delay_ms=2000.0, targets=targets),
        Story(**short, seed=3, delay_ms=5000.0, targets=targets, lost=30),
    ]
    return {
        "good": write(base / "good", Story(**short)),
        "again": write(base / "again", Story(**short, seed=7)),
        "bad": write(base / "bad", bad),
        "swept": [write(base / f"swept-{story.delay_ms:g}", story) for story in swept],
    }
