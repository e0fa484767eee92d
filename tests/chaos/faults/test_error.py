import asyncio
import random

import pytest

from chaos.faults.error import Failure
from chaos.faults.fault import Meeting
from rag.errors import DependencyFailed, DependencyTimeout, Overloaded
from router.errors import ModelOverloaded, ModelUnavailable, ModelUnreachable


@pytest.mark.parametrize(
    ("seam", "how", "raised"),
    [
        ("index:2", "failed", DependencyFailed),
        ("store", "timeout", DependencyTimeout),
        ("embedder", "overloaded", Overloaded),
        ("model:large", "failed", ModelUnreachable),
        ("model:large", "timeout", ModelUnavailable),
        ("model:large", "overloaded", ModelOverloaded),
    ],
)
async def test_the_error_is_one_that_the_port_promises(seam, how, raised):
    with pytest.raises(raised, match=f"a fault at {seam}") as met:
        await Failure(seam="*", error=how).meet(Meeting(seam, random.Random(1), asyncio.Event()))
    assert type(met.value) is raised
    assert getattr(met.value, "model", "large") == "large"
