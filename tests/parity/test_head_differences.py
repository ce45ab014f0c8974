"""Where the yardstick's heads are otherwise, they still are: both sides of each deliberate difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from draws import ENCODER, normal
from families import FAMILIES
from heads import double_loss, reference_model, twin
from yardstick import same

import speechgraft
from speechgraft.errors import InputError

OPTIONS: dict[str, Any] = {**ENCODER, "vocab_size": 7, "ctc_loss_reduction": "sum"}
ADAPTED: dict[str, Any] = {"do_stable_layer_norm": True, "adapter_attn_dim": 3}
X = normal(1, 2, 90)
PADDED = torch.tensor([[1] * 90, [1] * 50 + [0] * 40])


def test_the_yardstick_s_loss_is_infinite_where_labels_do_not_fit() -> None:
    reference = reference_model(FAMILIES["wav2vec2"], "ForCTC", OPTIONS, 1)
    labels = torch.ones(2, 20).long()
    assert reference(X, labels=labels).loss.isinf()
    with pytest.raises(InputError, match=r"labels of row 0 need 39 frames .* but the audio has 14"):
        twin(reference)(X, labels=labels)


def test_the_yardstick_takes_its_ctc_loss_in_single_precision() -> None:
    reference = reference_model(FAMILIES["wav2vec2"], "ForCTC", OPTIONS, 1)
    labels = torch.tensor([[1, 2], [3, -100]])
    coarse, found = reference(X, labels=labels).loss, twin(reference)(X, labels=labels).loss
    assert (coarse.dtype, found.dtype) == (torch.float32, torch.float64)
    with double_loss():
        same(found, reference(X, labels=labels).loss, "loss")


def test_the_yardstick_leaves_the_count_of_labels_aside() -> None:
    reference = reference_model(FAMILIES["wav2vec2"], "ForCTC", OPTIONS, 1)
    labels = torch.tensor([[1, 2], [3, -100]])
    call = {"labels": labels, "num_items_in_batch": 12}
    with double_loss():
        plain = reference(X, labels=labels).loss
        same(reference(X, **call).loss, plain, "the yardstick's")
    same(twin(reference)(X, **call).loss, plain / 12, "loss")


def test_the_yardstick_learns_nothing_from_a_regression() -> None:
    options = {**OPTIONS, "num_labels": 1}
    reference = reference_model(FAMILIES["wav2vec2"], "ForSequenceClassification", options, 1)
    labels = torch.tensor([0, 0])
    expected, found = reference(X, labels=labels), twin(reference)(X, labels=labels)
    assert expected.loss == 0.0
    same(found.loss, F.mse_loss(expected.logits[:, 0], labels.double()), "loss")
    with pytest.raises(RuntimeError):
        reference(X, labels=torch.tensor([0.5, 1.0]))


@pytest.mark.parametrize("family", ["sew", "sew-d"])
def test_the_yardstick_counts_padding_among_squeezed_hidden_states(family: str) -> None:
    options = {**OPTIONS, "use_weighted_layer_sum": True, "feat_extract_norm": "layer"}
    reference = reference_model(FAMILIES[family], "ForSequenceClassification", options, 1)
    ours = twin(reference, "exact")
    alone = reference(X[1:, :50]).logits
    assert (reference(X, PADDED).logits[1:] - alone).abs().max().item() > 1e-4
    same(ours(X, PADDED).logits[1:], alone, "logits")


def test_the_yardstick_s_hubert_loads_no_language(tmp_path: Path) -> None:
    reference = reference_model(FAMILIES["hubert"], "ForCTC", {**OPTIONS, **ADAPTED}, 1)
    ours = twin(reference)
    ours.save_pretrained(tmp_path)
    ours.save_adapter(tmp_path, "fra")
    assert not hasattr(reference, "_get_adapters"), "what reads the files of languages is wav2vec2's alone"
    with pytest.raises((ImportError, OSError, TypeError, ValueError)):  # by what of peft is installed
        type(reference).from_pretrained(tmp_path, target_lang="fra")
    loaded = speechgraft.HubertForCTC.from_pretrained(tmp_path, target_lang="fra")
    same(loaded(X).logits, ours(X).logits, "logits")
