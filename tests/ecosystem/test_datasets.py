"""Rows of `datasets`, decoded or not, into a Transcriber; a folder that it loads, into `fit`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from datasets import Audio, Dataset, disable_progress_bars, load_dataset

from speechgraft import Transcriber, read_audio
from speechgraft.train import FitOptions, Row
from speechgraft.train.loop import fit

disable_progress_bars()
DIGITS = sorted((Path(__file__).parents[2] / "docs" / "audio").glob("*.flac"))[:3]


@pytest.fixture(scope="module")
def asr():
    return Transcriber.from_pretrained()


@pytest.fixture(scope="module")
def texts(asr):
    return [transcript.text for transcript in asr.batch(DIGITS)]


@pytest.fixture
def column():
    """Recordings as an audio column that is not decoded."""
    return Dataset.from_dict({"audio": [str(path) for path in DIGITS]}).cast_column("audio", Audio(decode=False))


def test_rows_that_are_not_decoded(asr, texts, column):
    assert [transcript.text for transcript in asr.batch(row["audio"] for row in column)] == texts
    assert asr(column[0]["audio"]).text == texts[0]


def test_rows_of_bytes(asr, texts):
    rows = Dataset.from_dict({"audio": [{"bytes": path.read_bytes(), "path": path.name} for path in DIGITS]})
    assert [transcript.text for transcript in asr.batch(row["audio"] for row in rows)] == texts


def test_rows_that_soundfile_decoded(asr, texts, column):
    def decoded(row):
        samples, rate = soundfile.read(row["audio"]["path"], dtype="float32")
        return {"audio": {"array": samples, "sampling_rate": rate, "path": row["audio"]["path"]}}

    rows = [decoded(row) for row in column]
    assert [transcript.text for transcript in asr.batch(row["audio"] for row in rows)] == texts
    stored = Dataset.from_list(
        [{"array": r["audio"]["array"].tolist(), "sampling_rate": r["audio"]["sampling_rate"]} for r in rows]
    )
    assert [transcript.text for transcript in asr.batch(stored.with_format("numpy"))] == texts
    other = {"array": read_audio(DIGITS[0], 48_000).samples, "sampling_rate": 48_000}
    assert asr(other).text == texts[0], "resampled from the row's own rate"


def test_a_bad_row_is_told_and_left_out(asr, texts, column):
    failures = []
    rows = [column[0]["audio"], {"path": None}, column[1]["audio"]]
    assert [each.text for each in asr.batch(rows, on_error=failures.append)] == texts[:2]
    assert [failure.index for failure in failures] == [1] and "a row of audio" in str(failures[0].error)


def test_a_folder_is_loaded_offline_and_learnt_from(asr, texts, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = tmp_path / "data"
    data.mkdir()
    for path in DIGITS:
        shutil.copy(path, data)
    lines = [{"audio": str(data / path.name), "text": text} for path, text in zip(DIGITS, texts, strict=True)]
    (data / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    loaded = load_dataset(str(data), split="train", cache_dir=str(tmp_path / "cache"))
    column = loaded.cast_column("audio", Audio(decode=False))
    rows = [Row(Path(row["audio"]["path"]), row["text"]) for row in column]
    assert sorted(row.text for row in rows) == sorted(texts)
    before = {name: value.clone() for name, value in asr.model.state_dict().items()}
    result = fit(asr, rows, tmp_path / "run", FitOptions(steps=1))
    changed = [name for name, value in asr.model.state_dict().items() if not np.array_equal(value, before[name])]
    asr.model.load_state_dict(before)
    assert result.steps == 1 and len(changed) > 20
