import pytest

from rag.access.limits import DAY_S, Limit, MemoryLimits, Standing
from tests.contracts.limit_store import DAY, LimitStoreContract, bucket, budget, used


class TestMemoryLimits(LimitStoreContract):
    @pytest.fixture
    def store(self, clock):
        return MemoryLimits(clock)


async def test_what_is_charged_adds_up_and_yesterday_is_forgotten(clock):
    store = MemoryLimits(clock)
    assert [store.charge(budget(), amount) for amount in (30, 12)] == [30, 42]
    assert await used(store, budget()) == [42]
    assert store.charge(budget(day=DAY + 1), 5) == 5
    assert await used(store, budget()) == [0]


@pytest.mark.parametrize(
    ("limit", "used", "left", "is_open", "wait_s"),
    [
        (bucket(60, 60), 10, 50, True, 10),
        (bucket(60, 60), 59.5, 0.5, False, 0.5),
        (bucket(60, 60), 60, 0, False, 1),
        (bucket(2, 3_600), 2, 0, False, 1_800),
        (budget(100), 99, 1, True, DAY_S / 4),
        (budget(100), 130, 0, False, DAY_S / 4),
        (Limit("red", "", "cost", 0.5, day=DAY), 0.499, 0.001, True, DAY_S / 4),
        (Limit("red", "", "cost", 0.5, day=DAY), 0.5, 0, False, DAY_S / 4),
    ],
)
def test_how_a_limit_stands(limit, used, left, is_open, wait_s):
    standing = Standing(limit, used, DAY * DAY_S + 0.75 * DAY_S)
    assert (standing.left, standing.wait_s) == pytest.approx((left, wait_s))
    assert standing.open is is_open


def test_what_limits_are_called():
    assert [bucket().policy, bucket(holder="").policy, budget().policy] == [
        "key-requests",
        "tenant-requests",
        "tenant-tokens",
    ]
