from chaos.lab.environment import environment


def test_the_users_settings_stay_behind(monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", "theirs")
    monkeypatch.setenv("steadyrag_cache__store", "sqlite:")
    monkeypatch.setenv("SOMETHING", "else")
    made = environment({"index__shards": 2})
    assert made["SOMETHING"] == "else"
    assert {name: value for name, value in made.items() if name.upper().startswith("STEADYRAG_")} == {
        "STEADYRAG_INDEX__SHARDS": "2"
    }
