"""What the config of Hubert has of its own; `tests/plugins/test_speech_configs.py` tests the rest."""

from __future__ import annotations

import pytest

from speechgraft.errors import ConfigError
from speechgraft.plugins.hubert.config import HubertConfig


def test_adapters_in_layers_need_norms_that_come_first() -> None:
    assert HubertConfig(adapter_attn_dim=16, do_stable_layer_norm=True).adapter_attn_dim == 16
    with pytest.raises(ConfigError, match=r"adapter_attn_dim: 16 is read where do_stable_layer_norm is true alone"):
        HubertConfig(adapter_attn_dim=16)


def test_keys_of_files_of_2021_are_carried() -> None:
    old = {"feat_extract_dropout": 0.0, "mask_channel_length": 10, "mask_time_other": 0.0, "hidden_dropout_prob": 0.1}
    config = HubertConfig.from_dict(old)
    assert config.unknown_keys == ()
    assert {key: config.to_dict()[key] for key in old} == old
