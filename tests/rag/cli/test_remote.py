import pytest

from rag.cli.remote import connect, service_url
from rag.errors import ConfigError
from rag.settings import load_settings
from rag.storage.folder import DataFolder


async def test_a_connection_is_to_whom_the_url_names():
    async with connect("http://127.0.0.1:9") as service:
        with pytest.raises(ConfigError, match="is it running"):
            await service.call("GET", "/ready")


def test_the_url_that_is_named_goes_first(tmp_path):
    settings = load_settings(data_dir=tmp_path)
    assert service_url(settings, "http://here:1/") == "http://here:1"


def test_without_a_holder_of_the_folder_there_is_no_service(tmp_path):
    assert service_url(load_settings(data_dir=tmp_path), None) is None
    with DataFolder(tmp_path):
        assert service_url(load_settings(data_dir=tmp_path), None) is None, "it holds the folder and does not serve"


def test_the_holder_of_the_folder_is_the_service(tmp_path):
    with DataFolder(tmp_path) as folder:
        folder.announce("http://127.0.0.1:8000")
        assert service_url(load_settings(data_dir=tmp_path), None) == "http://127.0.0.1:8000"
