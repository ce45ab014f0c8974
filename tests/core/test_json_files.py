"""Small JSON files are written whole, and what is no JSON object is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.errors import CheckpointError
from speechgraft.json_files import read_json, write_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(st.characters(codec="utf-8")), values))
def test_what_is_written_is_read(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("json") / "new" / "a.json"
    write_json(path, data)
    assert read_json(path) == data
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CheckpointError, match="No space left"):
        write_json(path, {"new": 1})
    assert read_json(path) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "a JSON list"),
        (b"\xff", "not JSON"),
        (b"[" * 10**5, "not JSON"),
        (b"{'a': 1}", "not JSON"),
    ],
)
def test_what_is_no_object_is_refused(contents: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(contents)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
    for absent in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(CheckpointError):
            read_json(absent)
