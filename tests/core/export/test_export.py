"""An exported pair does what the pair does that it was made of, by its programs alone."""

from __future__ import annotations

import json
import math

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from speechgraft import SpeechEncoderDecoderModel, Transcriber
from speechgraft.errors import CheckpointError, InputError
from speechgraft.export import export_folder, export_pair, load_exported, load_exported_parts


@pytest.fixture(scope="module")
def pair(folders):
    return SpeechEncoderDecoderModel.from_pretrained(folders / "bundle")


@pytest.fixture(scope="module", params=["onnx", "torch"])
def exported(folders, request):
    return load_exported(folders / request.param, trusted=True)


@pytest.fixture(scope="module")
def audio():
    """Three waveforms of other lengths than were traced, and their mask."""
    values = torch.randn(3, 5000, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(5000) < torch.tensor([[5000], [4100], [2300]])
    return values * mask, mask


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_beams": 3},
        {"num_beams": 2, "num_return_sequences": 2},
        {"use_cache": False},
        {"repetition_penalty": 2.0},
    ],
    ids=str,
)
def test_the_same_tokens(exported, pair, audio, options):
    values, mask = audio
    found, expected = (
        model.generate(values, attention_mask=mask, max_new_tokens=12, **options) for model in (exported, pair)
    )
    assert found.shape[1] > 2 and torch.equal(found, expected)


def test_one_row_and_many(exported, pair, audio):
    values, _ = audio
    for rows in (1, 2, 5):
        inputs = values[:1].repeat(rows, 1) * torch.linspace(0.5, 1.0, rows)[:, None]
        found, expected = (model.generate(inputs, max_new_tokens=6) for model in (exported, pair))
        assert torch.equal(found, expected)


def test_the_same_loss_of_padded_labels(exported, pair, audio):
    values, mask = audio
    labels = torch.tensor([[3, 4, 2, -100], [4, 2, -100, -100], [3, 3, 4, 2]])
    found, expected = (model(values, attention_mask=mask, labels=labels).loss for model in (exported, pair))
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_transcriber_of_it_writes_the_same(folders, tones):
    files = sorted(tones.glob("*.wav"))[:5]
    exported = Transcriber(*load_exported_parts(folders / "onnx"))
    found, expected = (
        [(each.text, each.tokens) for each in asr.batch(files, max_new_tokens=8)]
        for asr in (exported, Transcriber.from_pretrained(folders / "bundle"))
    )
    assert found == expected and any(text for text, _ in found)


def test_onnx_files_need_nothing_but_their_description(folders, pair, audio):
    values, mask = audio
    told = json.loads((folders / "onnx" / "export.json").read_text())
    run = {name: onnxruntime.InferenceSession(folders / "onnx" / f"{name}.onnx").run for name in told["programs"]}
    takes = {name: [port["name"] for port in ports["inputs"]] for name, ports in told["programs"].items()}
    memory, memory_mask = run["encoder"](None, {"input_values": values.numpy(), "attention_mask": mask.numpy()})
    read = run["cross_attention"](None, {"memory": memory})
    sizes = {port["name"]: port["shape"] for port in told["programs"]["decoder_step"]["inputs"]}
    names = takes["decoder_step"][2 + len(read) :]
    kept = [np.zeros((3, sizes[name][1], 0, sizes[name][3]), np.float32) for name in names]
    rows = [np.full((3, 1), told["tokens"]["start"])]
    for _ in range(8):
        given = [rows[-1], memory_mask, *read, *kept]
        logits, *kept = run["decoder_step"](None, dict(zip(takes["decoder_step"], given, strict=True)))
        rows.append(logits.argmax(-1)[:, None])
    expected = pair.generate(values, attention_mask=mask, max_new_tokens=8, eos_token_id=[]).numpy()
    assert np.array_equal(np.concatenate(rows, 1), expected)


def test_what_reads_the_memory_holds_no_other_weights(folders, pair):
    names = (".cross_attention.key.", ".cross_attention.value.")
    own = sum(p.numel() for name, p in pair.decoder.named_parameters() if any(each in name for each in names))
    of_torch = torch.export.load(folders / "torch" / "cross_attention.pt2").state_dict
    of_onnx = onnx.load(folders / "onnx" / "cross_attention.onnx").graph.initializer
    assert sum(value.numel() for value in of_torch.values()) == own
    assert sum(math.prod(each.dims) for each in of_onnx if each.data_type == onnx.TensorProto.FLOAT) == own


@pytest.mark.parametrize("options", [{"output_attentions": True}, {"output_hidden_states": True}], ids=str)
def test_the_inside_is_not_shown(folders, audio, options):
    values, _ = audio
    with pytest.raises(InputError, match=f"{next(iter(options))}=True, but an exported program gives neither"):
        load_exported(folders / "onnx")(values, decoder_input_ids=torch.ones(3, 1, dtype=torch.int64), **options)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda pair: pair.train(), "cannot be trained"),
        (lambda pair: pair.half(), "float32 on the CPU, not in torch.float16 on cpu"),
        (lambda pair: pair.to(dtype=torch.float64), "not in torch.float64"),
        (lambda pair: pair.to("meta"), "on meta"),
        (lambda pair: pair.save_pretrained("there"), "not saved to there: copy the folder"),
    ],
)
def test_what_was_exported_stays_as_it_was(folders, audio, change, problem):
    pair = load_exported(folders / "onnx")
    waves, _ = audio
    before = pair.generate(waves, max_new_tokens=3)
    with pytest.raises(InputError, match=problem):
        change(pair)
    assert not pair.training
    assert torch.equal(pair.eval().to("cpu").float().generate(waves, max_new_tokens=3), before)


def test_tokens_masked_before_others_are_refused(folders, audio):
    values, _ = audio
    ids, mask = torch.ones(3, 2, dtype=torch.int64), torch.tensor([[0, 1]] * 3)
    with pytest.raises(InputError, match="no masked tokens but at the end of a row"):
        load_exported(folders / "onnx")(values, decoder_input_ids=ids, decoder_attention_mask=mask)


def test_programs_of_torch_are_read_when_they_are_trusted_alone(folders):
    with pytest.raises(CheckpointError, match="pass trusted=True"):
        load_exported(folders / "torch")


def test_where_something_lies_nothing_is_written(folders, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for out, expected in ((tmp_path, "is not empty"), (tmp_path / "mine.txt", "is a file")):
        with pytest.raises(CheckpointError, match=expected):
            export_folder(folders / "bundle", out, to="onnx")


def test_another_target_is_refused_with_the_nearest(folders, tmp_path):
    with pytest.raises(CheckpointError, match="no export to 'onxn'; did you mean 'onnx'"):
        export_folder(folders / "bundle", tmp_path / "out", to="onxn")


def test_a_pair_in_train_mode_is_refused(folders, tmp_path):
    pair = SpeechEncoderDecoderModel.from_pretrained(folders / "bundle").train()
    with pytest.raises(InputError, match=r"train mode.*model.eval"):
        export_pair(pair, tmp_path / "out", to="torch")
    assert not (tmp_path / "out").exists()
