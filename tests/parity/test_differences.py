"""Where the yardstick is otherwise, it still is: each test shows both sides of a deliberate difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from draws import DECODER, ENCODER, Pair, frames_of, normal
from families import DECODERS, FAMILIES
from transformers.models.sew_d.modeling_sew_d import build_relative_position
from yardstick import (
    graft,
    graft_decoder,
    graft_encoder,
    reference_decoder,
    reference_encoder,
    reference_pair,
    same,
)

from speechgraft import SpeechEncoderDecoderModel
from speechgraft.errors import ConfigError
from speechgraft.plugins.sew_d.config import SEWDConfig

TOKENS = {"decoder_start_token_id": 1, "pad_token_id": 0}
PADDED = torch.tensor([[1] * 90, [1] * 50 + [0] * 40])


def pair(**encoder: Any) -> Any:
    return reference_pair(Pair({**ENCODER, **encoder}, DECODER, TOKENS, 3))


def apart(found: torch.Tensor, other: torch.Tensor) -> float:
    return float((found - other).detach().abs().max())


def test_the_yardstick_normalises_over_padding() -> None:
    reference = reference_encoder(ENCODER, 1)
    x = normal(1, 2, 90)
    alone = reference(x[1:, :50]).last_hidden_state
    frames = alone.shape[1]
    assert apart(reference(x, PADDED).last_hidden_state[1:, :frames], alone) > 1e-3
    same(graft_encoder(reference, "exact")(x, PADDED).last_hidden_state[1:, :frames], alone, "exact")


@pytest.mark.parametrize("name", ["sew", "sew-d"])
def test_the_yardstick_squeezes_padding_into_the_last_frame_of_a_row(name: str) -> None:
    """With an odd number of frames: alone the one left over is zero, in a batch it is not, and is attended to."""
    reference = reference_encoder({**ENCODER, "feat_extract_norm": "layer", "squeeze_factor": 2}, 1, FAMILIES[name])
    x = normal(1, 2, 90)
    frames = frames_of(ENCODER, 50)
    assert frames % 2 == 1
    alone = reference(x[1:, :50]).last_hidden_state
    padded = reference(x, PADDED).last_hidden_state[1:, :frames]
    assert not alone[:, -1].any() and padded[:, -1].any()
    assert apart(padded[:, :-1], alone[:, :-1]) > 1e-3
    same(graft_encoder(reference, "exact")(x, PADDED).last_hidden_state[1:, :frames], alone, "exact")
    same(graft_encoder(reference, "reference")(x, PADDED).last_hidden_state[1:, :frames], padded, "reference")


def test_the_yardstick_takes_buckets_for_distances_that_have_none() -> None:
    """Where the longest distance is no more than half of the buckets, those beyond are the first ones again."""
    options = {**ENCODER, "position_buckets": 8, "max_position_embeddings": 4}
    buckets = build_relative_position(8, 8, bucket_size=8, max_position=4)[0, -1].tolist()  # of distances 7 to 0
    assert buckets == [-1, 0, 2, 4, 3, 2, 1, 0]
    assert reference_encoder(options, 1, FAMILIES["sew-d"])(normal(1, 1, 90)).last_hidden_state.isfinite().all()
    with pytest.raises(ConfigError, match=r"\$\.position_buckets: half of 8 are for distances up to 4"):
        SEWDConfig(**options)


def test_the_yardstick_has_vectors_of_distances_that_nothing_reads() -> None:
    reference = reference_encoder({**ENCODER, "pos_att_type": []}, 1, FAMILIES["sew-d"])
    ours = graft_encoder(reference)
    x = normal(1, 1, 90)
    same(ours(x).last_hidden_state, reference(x).last_hidden_state, "frames")
    with torch.no_grad():
        reference.encoder.encoder.rel_embeddings.weight.add_(1.0)
    same(ours(x).last_hidden_state, reference(x).last_hidden_state, "frames, whatever the vectors")
    assert ours.distances is None


def test_the_yardsticks_batch_norm_before_positions_makes_padding_speak() -> None:
    options = {**ENCODER, "feat_extract_norm": "layer", "conv_pos_batch_norm": True}
    reference = reference_encoder(options, 1, FAMILIES["hubert"])
    x = normal(1, 2, 90)
    alone = reference(x[1:, :50]).last_hidden_state
    padded = reference(x, PADDED).last_hidden_state[1:, : alone.shape[1]]
    assert apart(padded, alone) > 1e-3
    same(graft_encoder(reference, "exact")(x, PADDED).last_hidden_state[1:, : alone.shape[1]], alone, "exact")
    same(graft_encoder(reference)(x, PADDED).last_hidden_state[1:, : alone.shape[1]], padded, "reference")


def test_the_yardstick_counts_frames_behind_an_adapter_as_if_its_kernel_were_three() -> None:
    options = {**ENCODER, "add_adapter": True, "num_adapter_layers": 1, "adapter_kernel_size": 5, "adapter_stride": 2}
    reference = reference_encoder(options, 1)
    ours = graft_encoder(reference)
    lengths = torch.arange(40, 60)
    wrong = reference._get_feat_extract_output_lengths(lengths)
    right = torch.tensor([reference(normal(0, 1, length)).last_hidden_state.shape[1] for length in lengths.tolist()])
    assert (wrong != right).any()
    assert ours.output_lengths(lengths).tolist() == right.tolist()


def test_the_yardstick_leaves_given_masks_aside_where_augmentation_is_off() -> None:
    reference = reference_encoder({**ENCODER, "apply_spec_augment": False}, 1)
    ours = graft_encoder(reference)
    x = normal(1, 1, 90)
    plain = reference(x).last_hidden_state
    masks = torch.zeros(1, plain.shape[1], dtype=torch.bool)
    masks[:, 2:5] = True
    same(reference(x, mask_time_indices=masks).last_hidden_state, plain, "the yardstick's")
    assert apart(ours(x, mask_time_indices=masks).last_hidden_state, plain) > 1e-3, "what is given is done"


def test_the_yardstick_puts_a_start_before_a_beginning_without_it() -> None:
    reference = pair()
    ours = graft(reference)
    x = normal(1, 2, 90)
    beginning = torch.tensor([[5, 6], [7, 8]])
    options = {"decoder_input_ids": beginning, "max_new_tokens": 3}
    assert reference.generate(x, **options)[:, :3].tolist() == [[1, 5, 6], [1, 7, 8]]
    assert ours.generate(x, **options)[:, :2].tolist() == beginning.tolist()


def test_the_yardstick_shows_the_decoder_padding_that_labels_have() -> None:
    reference = pair()
    ours = graft(reference)
    x = normal(1, 2, 90)
    labels = torch.tensor([[4, 5, 6, 2], [7, 2, -100, -100]])
    expected, found = reference(x, labels=labels), ours(x, labels=labels)
    same(found.loss, expected.loss, "loss")
    assert apart(found.logits[1, 3:], expected.logits[1, 3:]) > 1e-3
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    same(found.logits, reference(x, labels=labels, decoder_attention_mask=mask).logits, "with the mask passed")


GPT2 = {"vocab_size": 17, "n_embd": 12, "n_head": 3, "n_layer": 2, "n_positions": 24, "n_inner": 10}


def test_the_yardsticks_gpt2_takes_no_memory_as_it_comes_out_of_an_adapter() -> None:
    """Its linear layers want rows that lie one behind another."""
    encoder = {**ENCODER, "add_adapter": True, "num_adapter_layers": 1, "output_hidden_size": 12, "hidden_size": 12}
    reference = reference_pair(Pair(encoder, GPT2, TOKENS, 3, decoder_name="gpt2"))
    x, ids = normal(1, 2, 90), torch.tensor([[1, 2], [3, 4]])
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        reference(x, decoder_input_ids=ids)
    memory = reference.encoder(x).last_hidden_state.contiguous()
    expected = reference.decoder(ids, encoder_hidden_states=memory).logits
    same(graft(reference)(x, decoder_input_ids=ids).logits, expected, "logits")


def test_the_yardstick_cannot_upcast_what_is_finer_than_float32() -> None:
    reference = reference_decoder({**GPT2, "reorder_and_upcast_attn": True}, 3, DECODERS["gpt2"])
    plain = reference_decoder(GPT2, 3, DECODERS["gpt2"])
    ids = torch.tensor([[1, 2, 3]])
    with pytest.raises(RuntimeError, match="upcasting"):
        reference(ids)
    same(graft_decoder(reference)(ids).logits, plain(ids).logits, "logits")


def test_the_yardstick_grafts_no_gpt2(tmp_path: Path) -> None:
    reference_encoder(ENCODER, 1).save_pretrained(tmp_path / "encoder")
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2)).save_pretrained(tmp_path / "decoder")
    parts = str(tmp_path / "encoder"), str(tmp_path / "decoder")
    with pytest.raises(AttributeError, match="is_decoder"):
        transformers.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(*parts)
    made = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(*parts).load_report.made
    injected = {name for name, reason in made.items() if reason.startswith("injected")}
    assert injected and all(".cross_attention" in name for name in injected)


def test_the_yardstick_cannot_project_what_an_adapter_made_wider() -> None:
    reference = pair(add_adapter=True, num_adapter_layers=1, output_hidden_size=10)
    ids = torch.tensor([[1, 2]])
    x = normal(1, 1, 90)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        reference(x, decoder_input_ids=ids)
    reference.enc_to_dec_proj = torch.nn.Linear(10, 12).double()
    same(graft(reference)(x, decoder_input_ids=ids).logits, reference(x, decoder_input_ids=ids).logits, "logits")
