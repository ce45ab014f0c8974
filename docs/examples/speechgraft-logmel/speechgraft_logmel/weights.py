"""Parameter names in a checkpoint beside those of the encoder."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, rename

from speechgraft_logmel.config import LogMelConfig

_DISK, _OURS = "encoder.layers.{i}", "context.stack.layers.{i}"


def weight_map(config: LogMelConfig) -> WeightMap:
    """The table, read in both directions: the name on disk, then ours."""
    attention = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output"}
    return WeightMap(
        [
            rename("subsample.{i}.{p}", "subsampling.convs.{i}.{p}"),
            rename("positions.{p}", "context.positions.conv.{p}"),
            rename("encoder.layer_norm.{p}", "context.norm.{p}"),
            *(
                rename(f"{_DISK}.self_attn.{disk}.{{p}}", f"{_OURS}.attention.{own}.{{p}}")
                for disk, own in attention.items()
            ),
            rename(f"{_DISK}.self_attn_layer_norm.{{p}}", f"{_OURS}.attention_norm.{{p}}"),
            rename(f"{_DISK}.fc1.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
            rename(f"{_DISK}.fc2.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
            rename(f"{_DISK}.final_layer_norm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
        ],
        prefix="logmel.",
    )
