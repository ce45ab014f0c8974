"""GPT-2's config: published names, second names, limits."""

from __future__ import annotations

import pytest

from speechgraft import GPT2Config
from speechgraft.errors import ConfigError

PUBLISHED = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "bos_token_id": 50256,
    "embd_pdrop": 0.1,
    "eos_token_id": 50256,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    "vocab_size": 50257,
}
"""The file of the smallest published model."""


def test_the_published_file_is_the_default_and_comes_back():
    config = GPT2Config.from_dict(PUBLISHED)
    assert not config.unknown_keys
    assert config.copy(extras={}, architectures=None) == GPT2Config()
    written = config.to_dict()
    assert {key: written[key] for key in PUBLISHED} == PUBLISHED


def test_sizes_have_the_names_of_other_models_too():
    config = GPT2Config(hidden_size=16, num_attention_heads=4, num_hidden_layers=3, max_position_embeddings=9)
    assert (config.n_embd, config.n_head, config.n_layer, config.n_positions) == (16, 4, 3, 9)
    config.hidden_size = 32
    assert config.n_embd == config.hidden_size == 32
    assert "hidden_size" not in config.to_dict()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_head": 5}, r"\$\.n_head: 5 heads do not divide n_embd 768"),
        ({"n_layer": 0}, r"\$\.n_layer: expected a value above 0"),
        ({"n_inner": 0}, r"\$\.n_inner: expected a value above 0"),
        ({"resid_pdrop": 1.5}, r"\$\.resid_pdrop: expected a value from 0 to 1"),
        ({"activation_function": "gelu_nwe"}, r"\$\.activation_function: expected one of"),
        ({"cross_attention_init": "zeros"}, r"\$\.cross_attention_init: .*'normal'.*'zero'"),
        ({"n_hed": 4}, r"\$\.n_hed: GPT2Config has no such field; did you mean 'n_head'"),
        ({"summary_type": "last"}, r"\$\.summary_type: kept where a file has it, but no part of this model reads it"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        GPT2Config(**options)
