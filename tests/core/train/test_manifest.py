from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speechgraft.errors import InputError
from speechgraft.train import read_manifest

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=9).filter(str.strip)
entries = st.lists(st.fixed_dictionaries({"audio": names, "text": texts, "speaker": texts}), min_size=1, max_size=4)


@given(entries)
def test_json_lines_come_back_as_rows(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("m") / "m.jsonl"
    path.write_text("\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries), encoding="utf-8")
    rows = read_manifest(path)
    assert [row.audio for row in rows] == [path.parent / entry["audio"] for entry in entries]
    assert [row.text for row in rows] == [" ".join(entry["text"].split()) for entry in entries]
    assert [row.columns for row in rows] == [{"speaker": entry["speaker"]} for entry in entries]


@given(entries)
@example([{"audio": "0", "text": "", "speaker": "\r"}])
def test_csv_and_json_lines_say_the_same(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("m")
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, ["audio", "text", "speaker"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(entries)
    (folder / "m.csv").write_bytes(file.getvalue().encode())
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, entries)))
    found = [
        [(row.audio, row.text, row.columns) for row in read_manifest(folder / name)] for name in ("m.csv", "m.jsonl")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_of_csv_end_where_lines_end_and_nowhere_else(tmp_path, end):
    path = tmp_path / "m.csv"
    path.write_bytes(end.join(["audio,text,speaker", "a.wav,one,x\u2028y", "b.wav,two,z"]).encode())
    assert [row.columns["speaker"] for row in read_manifest(path)] == ["x\u2028y", "z"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"audio": "a.wav"', "not JSON"),
        ("[1]", "a JSON list"),
        ('{"audio": "a.wav", "txt": "x"}', "'text' is missing; did you mean 'txt'?"),
        ('{"audio": "a.wav", "text": 3}', "'text' is 3, expected a string"),
        ('{"audio": " ", "text": "x"}', "expected the path of a recording"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, said):
    path = tmp_path / "m.jsonl"
    path.write_text('{"audio": "a.wav", "text": "x"}\n\n' + line + "\n")
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert f"{path}:3: " in str(caught.value) and said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"audio,text\na.wav\n", ":2: another number of columns"), (b'audio,text\n"a.wav,x\n', "not CSV")],
)
def test_a_bad_csv_line_is_named(tmp_path, content, said):
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_manifest(path)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"", "no utterance"), (b"\xff\xfe\x00", "not UTF-8")]
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path, content, said):
    path = tmp_path / "m.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_manifest(path)
