import math

import pytest

from evals.report.words import interval, milliseconds, seconds, share, times


@pytest.mark.parametrize(
    ("tell", "value", "words"),
    [
        (share, 1.0, "100 %"),
        (share, 0.99996, "99.99 %"),
        (share, 0.9876, "98.8 %"),
        (share, 0.0, "0 %"),
        (share, None, "–"),
        (times, 0.714, "0.714 ×"),
        (times, None, "–"),
        (seconds, 4.0, "4 s"),
        (seconds, math.inf, "never"),
        (seconds, None, "–"),
        (milliseconds, 59.31, "59.3 ms"),
        (milliseconds, None, "–"),
        (interval, [0.5, 0.61], "0.5 to 0.61"),
        (interval, None, "–"),
    ],
)
def test_values_as_they_are_read(tell, value, words):
    assert tell(value) == words
