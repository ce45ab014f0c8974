"""Small JSON files are written whole, and what is no JSON object is refused in one line."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.errors import CheckpointError
from speechgraft.json_files import VOCABULARY_SIZE, read_json, read_text, write_json

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
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "nested more than 100 deep"),
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


def test_settings_may_be_nested_as_deep_as_they_can_be_copied(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}")
    assert copy.deepcopy(read_json(tmp_path / "a.json"))["a"]


@pytest.mark.parametrize("read", [read_json, read_text])
def test_a_pipe_is_refused_and_not_waited_for(read: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(CheckpointError, match="a pipe, a socket or a device"):
        read(tmp_path / "a.json")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("a.json")
    with pytest.raises(CheckpointError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


def test_settings_are_small_and_vocabularies_may_be_large(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [' + "[]," * 300_000 + "[]]}")
    with pytest.raises(CheckpointError, match="more than 524288 values"):
        read_json(path)
    assert len(read_json(path, VOCABULARY_SIZE)["a"]) == 300_001
    path.write_text('{"a": "' + "a" * 2**22 + '"}')
    with pytest.raises(CheckpointError, match="larger than 4 MB"):
        read_json(path)
