"""One lab for all tests that only use it."""

import pytest
import pytest_asyncio

from chaos.lab.lab import Lab
from chaos.lab.options import LabOptions
from tests.support import folders
from tests.support.corpus import DOCUMENTS, as_lines
from tests.support.processes import alive


@pytest.fixture(scope="session")
def beir():
    """A small corpus in BEIR's format."""
    with folders.scratch() as folder:
        (folder / "corpus.jsonl").write_text(as_lines(DOCUMENTS))
        yield folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(beir, model_folder):
    """Two replicas over the small corpus; when it is left, no child lives."""
    with folders.scratch() as folder:
        async with Lab(LabOptions(folder=folder, data=beir, replicas=2, shards=2, seed=5)) as running:
            yield running
        pids = [child.pid for child in running.children.values()]
        assert len(pids) == 8
        assert not [pid for pid in pids if alive(pid)]
