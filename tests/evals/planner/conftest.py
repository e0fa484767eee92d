import pytest

from evals.planner.prices import Prices
from evals.planner.workload import read_workload
from tests.support.profiled import PARTS, RECORDS


@pytest.fixture(scope="session")
def prices():
    return Prices(parts=PARTS)


@pytest.fixture(scope="session")
def workload(prices):
    return read_workload(RECORDS, prices)
