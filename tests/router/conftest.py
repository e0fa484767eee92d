import pytest

from router.training import train
from tests.support.outcomes import made_table


@pytest.fixture(scope="session")
def classifier():
    return train(made_table(), embedder="tiny", seed=1, record={"data": ["made"]})
