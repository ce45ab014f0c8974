from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.bundle import Failure, Transcript
from speechgraft.errors import InputError
from speechgraft.train import Row
from speechgraft.train.evaluation import evaluate
from speechgraft.train.metrics import total, word_errors

words = st.lists(st.sampled_from(["one", "two", "three"]), max_size=4).map(" ".join)
said = st.lists(st.tuples(words, words, st.sampled_from(["ann", "bob", None]), st.booleans()), min_size=1, max_size=6)


class Parrot:
    """Says what it was told to, and fails where it was told to."""

    def __init__(self, said):
        self.said = said

    def batch(self, sources, *, batch_size, max_seconds, on_error):
        for index, (source, (_, text, _, fails)) in enumerate(zip(sources, self.said, strict=True)):
            if fails:
                on_error(Failure(index, str(source), InputError(f"{source}: broken")))
            else:
                yield Transcript(text, (), 2.0, str(source))


def manifest(said):
    return [
        Row(Path(f"{index}.wav"), reference, {} if speaker is None else {"speaker": speaker})
        for index, (reference, _, speaker, _) in enumerate(said)
    ]


@given(said)
def test_failures_are_in_no_rate_and_texts_stay_with_their_rows(said):
    found = evaluate(Parrot(said), manifest(said))
    kept = [entry for entry in said if not entry[3]]
    assert [(heard.row.text, heard.text) for heard in found.heard] == [(entry[0], entry[1]) for entry in kept]
    assert [failure.index for failure in found.failures] == [n for n, entry in enumerate(said) if entry[3]]
    assert found.words == total(word_errors(entry[0], entry[1]) for entry in kept)
    assert found.seconds == 2.0 * len(kept)


@given(said)
def test_groups_hold_what_is_theirs(said):
    found = evaluate(Parrot(said), manifest(said))
    groups = found.groups("speaker")
    assert set(groups) == {entry[2] for entry in said if entry[2] and not entry[3]}
    for name, group in groups.items():
        assert group.heard == tuple(heard for heard in found.heard if heard.row.columns.get("speaker") == name)
    assert found.groups("age") == {}


@given(said)
def test_the_table_and_json_agree(said):
    found = evaluate(Parrot(said), manifest(said))
    data = json.loads(json.dumps(found.to_dict("speaker")))
    assert data["failed"] == len(found.failures) and data["utterances"] == len(found.heard)
    assert f"{data['substitutions']} substitutions, {data['deletions']} deletions" in found.table("speaker")
    for name in data.get("by_speaker", {}):
        assert f"\n{name} " in found.table("speaker")
    assert all(attrs.asdict(heard.words)["hits"] <= heard.words.said for heard in found.heard)


def test_speed_is_measured():
    found = evaluate(Parrot([("one", "one", None, False)]), manifest([("one", "one", None, False)]))
    assert found.real_time_factor == pytest.approx(found.elapsed / 2.0)
