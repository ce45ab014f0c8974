"""Rows of weight maps that several published speech encoders have in common, by block."""

from __future__ import annotations

from speechgraft.checkpoint.rows import old_spelling, rename

_LAYER, _OURS = "encoder.layers.{i}", "context.stack.layers.{i}"
_POSITIONS = "encoder.pos_conv_embed.conv"
_WEIGHT = f"{_POSITIONS}.parametrizations.weight"

CONV_ROWS = (
    rename("feature_extractor.conv_layers.{i}.conv.{p}", "features.convs.layers.{i}.conv.{p}"),
    rename("feature_extractor.conv_layers.{i}.layer_norm.{p}", "features.convs.layers.{i}.norm.{p}"),
    rename("masked_spec_embed", "features.spec_augment.embedding"),
)
"""Convolutions over the waveform and the vector of masked frames."""

PROJECTION_ROWS = (
    rename("feature_projection.layer_norm.{p}", "features.projection.norm.{p}"),
    rename("feature_projection.projection.{p}", "features.projection.linear.{p}"),
)
"""The projection behind the convolutions."""

OLD_WEIGHT_NORM_ROWS = (
    old_spelling(f"{_POSITIONS}.weight_g", f"{_WEIGHT}.original0"),
    old_spelling(f"{_POSITIONS}.weight_v", f"{_WEIGHT}.original1"),
)
"""Weight norm in the older spelling."""

WEIGHT_NORM_ROWS = (
    rename(f"{_WEIGHT}.original0", "context.positions.conv.weight_g"),
    rename(f"{_WEIGHT}.original1", "context.positions.conv.weight_v"),
    rename(f"{_POSITIONS}.bias", "context.positions.conv.bias"),
    *OLD_WEIGHT_NORM_ROWS,
)
"""The positional convolution with weight norm, in today's spelling and in the older one."""

BATCH_NORM_ROWS = (
    rename(f"{_POSITIONS}.{{p}}", "context.positions.conv.{p}"),
    rename("encoder.pos_conv_embed.batch_norm.{p}", "context.positions.norm.{p}"),
)
"""The positional convolution behind a batch norm instead."""

SQUEEZE_ROWS = (
    rename("layer_norm.{p}", "features.projection.norm.{p}"),
    rename("feature_projection.{p}", "features.projection.linear.{p}"),
    rename(f"{_WEIGHT}.original0", "squeeze.positions.conv.weight_g"),
    rename(f"{_WEIGHT}.original1", "squeeze.positions.conv.weight_v"),
    rename(f"{_POSITIONS}.bias", "squeeze.positions.conv.bias"),
    *OLD_WEIGHT_NORM_ROWS,
    rename("encoder.upsample.projection.{p}", "upsample.linear.{p}"),
)
"""Of SEW and its kin: the projection behind the convolutions, the squeeze with its positions, the up-sampling."""

LAYER_ROWS = (
    rename("encoder.layer_norm.{p}", "context.norm.{p}"),
    rename(f"{_LAYER}.attention.q_proj.{{p}}", f"{_OURS}.attention.query.{{p}}"),
    rename(f"{_LAYER}.attention.k_proj.{{p}}", f"{_OURS}.attention.key.{{p}}"),
    rename(f"{_LAYER}.attention.v_proj.{{p}}", f"{_OURS}.attention.value.{{p}}"),
    rename(f"{_LAYER}.attention.out_proj.{{p}}", f"{_OURS}.attention.output.{{p}}"),
    rename(f"{_LAYER}.layer_norm.{{p}}", f"{_OURS}.attention_norm.{{p}}"),
    rename(f"{_LAYER}.feed_forward.intermediate_dense.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
    rename(f"{_LAYER}.feed_forward.output_dense.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
    rename(f"{_LAYER}.final_layer_norm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
    rename(f"{_LAYER}.adapter_layer.norm.{{p}}", f"{_OURS}.adapter.norm.{{p}}"),
    rename(f"{_LAYER}.adapter_layer.linear_1.{{p}}", f"{_OURS}.adapter.inner.{{p}}"),
    rename(f"{_LAYER}.adapter_layer.linear_2.{{p}}", f"{_OURS}.adapter.outer.{{p}}"),
)
"""The norm beside the transformer and its layers, with the bottleneck adapters that some have."""

SPEECH_FRESH = (
    ("features.spec_augment.embedding", "checkpoints of models without SpecAugment lack it"),
    ("context.stack.layers.{i}.adapter.{rest}", "the checkpoint has no adapters in its layers"),
)
"""What a checkpoint of a speech encoder may lack."""

SPEECH_HEADS = (
    ("lm_head.{rest}", "the CTC head of a fine-tuned checkpoint"),
    ("projector.{rest}", "the classification head of a fine-tuned checkpoint"),
    ("classifier.{rest}", "the classification head of a fine-tuned checkpoint"),
    ("layer_weights", "the classification head of a fine-tuned checkpoint"),
    ("quantizer.{rest}", "used in pre-training alone"),
    ("project_q.{rest}", "used in pre-training alone"),
    ("project_hid.{rest}", "used in pre-training alone"),
)
"""What checkpoints hold beside the encoder, and why the encoder leaves it out."""
