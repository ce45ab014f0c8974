"""Published parameter names of both decoders beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import Row, fallback, rename

_DISK, _OURS = "model.decoder.layers.{i}", "stack.layers.{i}"


def decoder_rows(*, tied: bool) -> list[Row]:
    """Embeddings, layers and the output layer.

    The token embeddings, which both halves of a model and the output layer may share, are read under the name they
    have.

    Args:
        tied: Whether the output layer's weight is the embeddings'.
    """
    head = fallback("lm_head.weight", "embeddings.word.weight") if tied else rename("lm_head.weight", "output.weight")
    return [
        rename("model.decoder.embed_tokens.weight", "embeddings.word.weight"),
        fallback("model.shared.weight", "embeddings.word.weight"),
        head,
        *_attention("self_attn", "self_attention"),
        *_attention("encoder_attn", "cross_attention"),
        rename(f"{_DISK}.fc1.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
        rename(f"{_DISK}.fc2.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
        rename(f"{_DISK}.final_layer_norm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
    ]


def _attention(disk: str, ours: str) -> list[Row]:
    parts = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output"}
    return [
        *(rename(f"{_DISK}.{disk}.{name}.{{p}}", f"{_OURS}.{ours}.{own}.{{p}}") for name, own in parts.items()),
        rename(f"{_DISK}.{disk}_layer_norm.{{p}}", f"{_OURS}.{ours}_norm.{{p}}"),
    ]
