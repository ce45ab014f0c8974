"""Published parameter names of wav2vec 2.0 beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, old_spelling, rename
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config

_LAYER, _OURS = "encoder.layers.{i}", "stack.layers.{i}"


def weight_map(config: Wav2Vec2Config) -> WeightMap:
    """The table; no row of it depends on the config."""
    return WeightMap(
        [
            rename("feature_extractor.conv_layers.{i}.conv.{p}", "front_end.layers.{i}.conv.{p}"),
            rename("feature_extractor.conv_layers.{i}.layer_norm.{p}", "front_end.layers.{i}.norm.{p}"),
            rename("feature_projection.layer_norm.{p}", "projection.norm.{p}"),
            rename("feature_projection.projection.{p}", "projection.linear.{p}"),
            rename("masked_spec_embed", "spec_augment.embedding"),
            rename("encoder.pos_conv_embed.conv.parametrizations.weight.original0", "positions.weight_g"),
            rename("encoder.pos_conv_embed.conv.parametrizations.weight.original1", "positions.weight_v"),
            rename("encoder.pos_conv_embed.conv.bias", "positions.bias"),
            rename("encoder.layer_norm.{p}", "norm.{p}"),
            rename(f"{_LAYER}.attention.q_proj.{{p}}", f"{_OURS}.attention.query.{{p}}"),
            rename(f"{_LAYER}.attention.k_proj.{{p}}", f"{_OURS}.attention.key.{{p}}"),
            rename(f"{_LAYER}.attention.v_proj.{{p}}", f"{_OURS}.attention.value.{{p}}"),
            rename(f"{_LAYER}.attention.out_proj.{{p}}", f"{_OURS}.attention.output.{{p}}"),
            rename(f"{_LAYER}.layer_norm.{{p}}", f"{_OURS}.attention_norm.{{p}}"),
            rename(f"{_LAYER}.feed_forward.intermediate_dense.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
            rename(f"{_LAYER}.feed_forward.output_dense.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
            rename(f"{_LAYER}.final_layer_norm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
            rename("adapter.proj.{p}", "adapter.projection.{p}"),
            rename("adapter.proj_layer_norm.{p}", "adapter.norm.{p}"),
            rename("adapter.layers.{i}.conv.{p}", "adapter.convs.{i}.{p}"),
            old_spelling(
                "encoder.pos_conv_embed.conv.weight_g", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"
            ),
            old_spelling(
                "encoder.pos_conv_embed.conv.weight_v", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"
            ),
        ],
        ignored=[
            ("lm_head.{rest}", "the CTC head of a fine-tuned checkpoint"),
            ("quantizer.{rest}", "used in pre-training alone"),
            ("project_q.{rest}", "used in pre-training alone"),
            ("project_hid.{rest}", "used in pre-training alone"),
        ],
        fresh=[("spec_augment.embedding", "checkpoints of models without SpecAugment lack it")],
        prefix="wav2vec2.",
    )
