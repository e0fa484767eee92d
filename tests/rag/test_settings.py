from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rag.errors import ConfigError
from rag.settings import load_settings

#: The names that scripts hold on to, each with a value that is not its default.
PROMISED: dict[str, Any] = {
    "DATA_DIR": "somewhere/else",
    "EMBEDDER__MODEL": "all-mpnet-base-v2",
    "INDEX__URL": "qdrant://host:6334",
    "INDEX__SHARDS": 8,
    "LEXICAL__URL": "qdrant:",
    "LOG__URL": "redis://host/0",
    "CACHE__STORE": "redis://host/1",
    "MODELS__SMALL": "http://one:8000/v1#small,http://two:8000/v1#small",
    "MODELS__LARGE": "http://host:8000/v1#large",
    "TIMEOUT_S": 7.5,
    "ADMIN_KEY": "secret",
}


def value_of(settings: Any, name: str) -> Any:
    for part in name.lower().split("__"):
        settings = getattr(settings, part)
    return str(settings) if isinstance(settings, Path) else settings


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "steadyrag.toml"
    file.write_text(text)
    return file


def as_toml(name: str, value: Any) -> str:
    *section, key = name.lower().split("__")
    head = f"[{section[0]}]\n" if section else ""
    return f"{head}{key} = {value if isinstance(value, int | float) else repr(value)}\n"


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert (settings.index.url, settings.index.shards) == ("edge:", 4)
    assert (settings.lexical.url, settings.log.url, settings.cache.store) == ("memory:", "sqlite:", "memory:")
    assert (settings.models.small, settings.models.large) == ("extractive:", "extractive:")
    assert settings.embedder.model == "all-MiniLM-L6-v2"
    assert settings.data_dir.name == "steadyrag"
    assert settings.admin_key is None


@pytest.mark.parametrize(("name", "value"), PROMISED.items())
def test_the_promised_names_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    assert value_of(load_settings(), name) != value
    monkeypatch.setenv(f"STEADYRAG_{name}", str(value))
    assert value_of(load_settings(), name) == value


@pytest.mark.parametrize(("name", "value"), PROMISED.items())
def test_the_promised_names_are_read_from_the_file(tmp_path: Path, name: str, value: Any) -> None:
    assert value_of(load_settings(toml(tmp_path, as_toml(name, value))), name) == value


def test_explicit_values_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(tmp_path, "timeout_s = 1\nshutdown_s = 1\n[index]\nshards = 1\nurl = 'edge:one'\n")
    monkeypatch.setenv("STEADYRAG_TIMEOUT_S", "2")
    monkeypatch.setenv("STEADYRAG_INDEX__SHARDS", "2")
    settings = load_settings(file, timeout_s=3)
    assert (settings.timeout_s, settings.index.shards) == (3, 2)
    assert (settings.shutdown_s, settings.index.url) == (1, "edge:one")


def test_a_file_is_read_only_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(tmp_path, "timeout_s = 1")
    monkeypatch.chdir(tmp_path)
    assert load_settings().timeout_s == 30
    assert load_settings(Path("steadyrag.toml")).timeout_s == 1
    assert load_settings().timeout_s == 30


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("INDEX__SHARD", "did you mean .*STEADYRAG_INDEX__SHARDS"),
        ("INDEX_SHARDS", "did you mean .*STEADYRAG_INDEX__SHARDS"),
        ("index__shard", "did you mean .*STEADYRAG_INDEX__SHARDS"),
        ("INDEX__", "did you mean STEADYRAG_INDEX"),
        ("TIMEOUT", "did you mean .*STEADYRAG_TIMEOUT_S"),
        ("MODELS__MEDIUM", "did you mean STEADYRAG_MODELS__"),
        ("XYZZY" * 9, "known are .*STEADYRAG_INDEX__SHARDS"),
    ],
)
def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(f"STEADYRAG_{name}", "1")
    with pytest.raises(ConfigError, match=rf"unknown setting STEADYRAG_{name.upper()} .*; {meant}"):
        load_settings()


def test_an_unknown_name_in_small_letters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("steadyrag_shards", "1")
    with pytest.raises(ConfigError, match="unknown setting STEADYRAG_SHARDS"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shards = 1", "unknown setting shards in .*toml; did you mean index.shards"),
        ("[index]\nshard = 1", "unknown setting index.shard in .*toml; did you mean index.shards"),
        ("[indices]\nshards = 1", "unknown setting indices in .*toml; did you mean index"),
        ("[index.more]\nshards = 1", "unknown setting index.more in .*toml; did you mean index.url"),
        ("[cache]\nxyzzyxyzzyxyzzy = 1", "unknown setting cache.xyzzyxyzzyxyzzy .*; known are cache.store, "),
    ],
)
def test_an_unknown_key_in_the_file_is_refused_with_what_was_meant(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_settings(toml(tmp_path, text))


def test_an_unknown_explicit_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"did you mean index\.shards"):
        load_settings(shards=1)


def test_names_of_the_test_suite_and_of_others_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYRAG_TEST_QDRANT_URL", "http://127.0.0.1:6333")
    monkeypatch.setenv("STEADY_SHARDS", "1")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INDEX__SHARDS", "0"),
        ("INDEX__SHARDS", "65"),
        ("INDEX__SHARDS", "many"),
        ("TIMEOUT_S", "0"),
        ("TIMEOUT_S", "-1"),
        ("TIMEOUT_S", "nan"),
        ("TIMEOUT_S", "inf"),
        ("MODELS__DEFAULT", "medium"),
        ("LIMITS__TOP_K", "0"),
        ("CACHE__TTL_S", "0"),
        ("EMBEDDER__MAX_WAITING", "1"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"STEADYRAG_{name}", value)
    with pytest.raises(ConfigError, match=rf"setting STEADYRAG_{name}: .* \(got '{value}'\)"):
        load_settings()


def test_a_section_that_is_no_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYRAG_INDEX", "four shards")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings()


def test_a_section_may_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYRAG_INDEX", '{"shards": 2}')
    assert load_settings().index.shards == 2


@pytest.mark.parametrize("content", [b"timeout_s = ", b"\xff\xfe", b"[index\n", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "steadyrag.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"cannot be read from {file}"):
        load_settings(file)


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_settings(tmp_path / name)


BASE, TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({BASE: "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({BASE: "http://collector:4318", TRACES: "http://other/spans"}, "http://other/spans"),
        ({BASE: "http://collector:4318", "STEADYRAG_TELEMETRY__ENDPOINT": "http://ours/t"}, "http://ours/t"),
        ({BASE: "http://collector:4318", "STEADYRAG_TELEMETRY__LOG": "json"}, "http://collector:4318/v1/traces"),
        ({BASE: "http://collector:4318", "OTEL_SDK_DISABLED": "True"}, None),
        ({BASE: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_traces_go_where_opentelemetrys_own_names_say_unless_ours_do(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], endpoint: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().telemetry.endpoint == endpoint


def test_secrets_are_not_shown() -> None:
    settings = load_settings(admin_key="hush", models={"api_key": "hush"})
    assert settings.admin_key == settings.models.api_key == "hush"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("text", ["admin_keys = 'hush'", "[models]\napikey = 'hush'", "admin_key = ['hush']"])
def test_secrets_are_not_told_by_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="setting ") as refused:
        load_settings(toml(tmp_path, text))
    assert "hush" not in refused.value.message
    assert refused.value.__cause__ is None


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.timeout_s = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        settings.index.shards = 1  # type: ignore[misc]
