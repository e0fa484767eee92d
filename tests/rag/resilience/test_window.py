import random

import pytest

from rag.resilience.window import Window


def test_counts_what_came_in():
    window = Window(span_s=10, max_calls=5)
    window.add(0.0)
    window.add(0.1, failed=True)
    window.add(0.2, slow=True)
    assert (len(window), window.failures, window.slow) == (3, 1, 1)


def test_forgets_by_age_exactly():
    window = Window(span_s=10, max_calls=5)
    window.add(0.0, failed=True)
    window.add(1.0, slow=True)
    window.expire(9.999)
    assert (len(window), window.failures, window.slow) == (2, 1, 1)
    window.expire(10.0)
    assert (len(window), window.failures, window.slow) == (1, 0, 1)


def test_forgets_by_number():
    window = Window(span_s=10, max_calls=2)
    for failed in (True, True, False):
        window.add(0.0, failed=failed)
    assert (len(window), window.failures) == (2, 1)


def test_clear_forgets_everything():
    window = Window(span_s=10, max_calls=2)
    window.add(0.0, failed=True)
    window.add(0.0, slow=True)
    window.clear()
    assert (len(window), window.failures, window.slow) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_sums_equal_a_recount(seed):
    rng = random.Random(seed)
    window, calls, now = Window(span_s=3, max_calls=20), [], 0.0
    for _ in range(500):
        now += rng.choice((0.01, 0.1, 2.0))
        failed, slow = rng.random() < 0.3, rng.random() < 0.3
        calls.append((now, failed, slow))
        window.add(now, failed=failed, slow=slow)
        window.expire(now)
        kept = [call for call in calls if call[0] > now - 3][-20:]
        assert len(window) == len(kept)
        assert window.failures == sum(failed for _, failed, _ in kept)
        assert window.slow == sum(slow for *_, slow in kept)
