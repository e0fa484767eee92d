from pathlib import Path

from rag.retrieval import generations


def filled(folder: Path, text: str) -> Path:
    (folder / "segments").mkdir()
    (folder / "segments" / "file").write_text(text)
    return folder


def test_a_plain_folder_is_its_own_content(tmp_path: Path) -> None:
    assert generations.current(filled(tmp_path, "a")) == tmp_path
    generations.clean(tmp_path)
    assert (tmp_path / "segments" / "file").read_text() == "a"


def test_places_differ(tmp_path: Path) -> None:
    assert generations.make(tmp_path) != generations.make(tmp_path)


def test_what_is_not_current_is_removed_and_nothing_else(tmp_path: Path) -> None:
    filled(tmp_path, "a")
    other = filled(generations.make(tmp_path), "b")
    assert generations.current(tmp_path) == tmp_path
    generations.switch(tmp_path, other)
    generations.make(tmp_path)
    generations.clean(tmp_path)
    assert generations.current(tmp_path) == other
    assert {entry.name for entry in tmp_path.iterdir()} == {other.name, "current"}
    assert (other / "segments" / "file").read_text() == "b"


def test_writing_back_changes_nothing(tmp_path: Path) -> None:
    generations.write_back(filled(tmp_path, "a"))
    assert (tmp_path / "segments" / "file").read_text() == "a"


def test_content_that_was_never_taken_is_removed(tmp_path: Path) -> None:
    filled(tmp_path, "a")
    filled(generations.make(tmp_path), "b")
    generations.clean(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["segments"]
