from pathlib import Path

import orjson
import pytest

from rag.disclosed import disclosed
from rag.settings import load_settings


def test_settings_are_named_as_in_the_environment():
    shown = disclosed(load_settings(index={"shards": 2}))
    assert (shown["STEADYRAG_INDEX__SHARDS"], shown["STEADYRAG_TIMEOUT_S"]) == (2, 30.0)
    assert orjson.loads(orjson.dumps(shown)) == shown


def test_keys_are_left_out():
    shown = disclosed(load_settings(admin_key="hush", models={"api_key": "hush"}, index={"api_key": "hush"}))
    assert "hush" not in repr(shown)
    assert not [name for name in shown if name.endswith("_KEY")]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hush@host:6379/0", "redis://***@host:6379/0"),
        ("redis://:h@sh@host", "redis://***@host"),
        ("redis://host/0", "redis://host/0"),
        ("sqlite:", "sqlite:"),
    ],
)
def test_passwords_in_urls_are_left_out(url, shown):
    assert disclosed(load_settings(log={"url": url}))["STEADYRAG_LOG__URL"] == shown


def test_a_folder_is_the_same_however_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative, absolute = disclosed(load_settings(data_dir=Path("a"))), disclosed(load_settings(data_dir=tmp_path / "a"))
    assert relative == absolute


def test_sections_without_fixed_names_are_shown_whole():
    registry = {"big": {"url": "http://user:hush@host:8000/v1#big"}}
    shown = disclosed(load_settings(models={"registry": registry}))["STEADYRAG_MODELS__REGISTRY"]
    assert shown["big"]["url"] == "http://***@host:8000/v1#big"
