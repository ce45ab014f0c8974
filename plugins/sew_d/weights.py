"""Published parameter names of SEW-D beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, old_spelling, rename
from speechgraft.checkpoint.published import CONV_ROWS, SPEECH_FRESH, SPEECH_HEADS, SQUEEZE_ROWS
from speechgraft.plugins.sew_d.config import SEWDConfig

_LAYER, _OURS = "encoder.encoder.layer.{i}", "stack.layers.{i}"

_LAYER_ROWS = (
    rename(f"{_LAYER}.attention.self.query_proj.{{p}}", f"{_OURS}.attention.query.{{p}}"),
    rename(f"{_LAYER}.attention.self.key_proj.{{p}}", f"{_OURS}.attention.key.{{p}}"),
    rename(f"{_LAYER}.attention.self.value_proj.{{p}}", f"{_OURS}.attention.value.{{p}}"),
    rename(f"{_LAYER}.attention.self.pos_key_proj.{{p}}", f"{_OURS}.attention.distance.key.{{p}}"),
    rename(f"{_LAYER}.attention.self.pos_query_proj.{{p}}", f"{_OURS}.attention.distance.query.{{p}}"),
    rename(f"{_LAYER}.attention.output.dense.{{p}}", f"{_OURS}.attention.output.{{p}}"),
    rename(f"{_LAYER}.attention.output.LayerNorm.{{p}}", f"{_OURS}.attention_norm.{{p}}"),
    rename(f"{_LAYER}.intermediate.dense.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
    rename(f"{_LAYER}.output.dense.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
    rename(f"{_LAYER}.output.LayerNorm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
    old_spelling("{rest}.LayerNorm.gamma", "{rest}.LayerNorm.weight"),
    old_spelling("{rest}.LayerNorm.beta", "{rest}.LayerNorm.bias"),
)

_VECTORS, _NORM = "encoder.encoder.rel_embeddings.weight", "encoder.encoder.LayerNorm.{p}"


def weight_map(config: SEWDConfig) -> WeightMap:
    """The table; what is there for distances depends on whether, and how, the config has them looked at."""
    rows, ignored = [], []
    if config.reads_distances:
        rows.append(rename(_VECTORS, "distances.embedding.weight"))
    else:
        ignored.append((_VECTORS, "the config has no attention to distances"))
    if config.reads_distances and config.norm_rel_ebd == "layer_norm":
        rows.append(rename(_NORM, "distances.norm.{p}"))
    else:
        ignored.append((_NORM, "the config has no attention to normalised distances"))
    return WeightMap(
        [*CONV_ROWS, *SQUEEZE_ROWS, *_LAYER_ROWS, *rows],
        ignored=[*ignored, *SPEECH_HEADS],
        fresh=SPEECH_FRESH,
        prefix="sew_d.",
    )
