"""Published parameter names of BART beside those of our decoder."""

from __future__ import annotations

from speechgraft.checkpoint import Row, WeightMap, fallback, rename
from speechgraft.plugins.bart.config import BartConfig

_DISK, _OURS = "model.decoder.layers.{i}", "stack.layers.{i}"


def weight_map(config: BartConfig) -> WeightMap:
    """The table of `BartForCausalLM`; from files of both halves the decoder alone is read.

    The token embeddings, which both halves and the output layer may share, are read under the name they have.
    """
    return WeightMap(
        [
            *_embeddings(tied=config.tie_word_embeddings),
            rename("model.decoder.embed_positions.weight", "embeddings.position.weight"),
            rename("model.decoder.layernorm_embedding.{p}", "embeddings.norm.{p}"),
            *_attention("self_attn", "self_attention"),
            *_attention("encoder_attn", "cross_attention"),
            rename(f"{_DISK}.fc1.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
            rename(f"{_DISK}.fc2.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
            rename(f"{_DISK}.final_layer_norm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
        ],
        ignored=[
            ("model.encoder.{rest}", "BART's encoder half, which a decoder does not have"),
            ("model.decoder.version", "a note of the library that the checkpoint came from"),
            ("final_logits_bias", "zeros, which models of both halves add to the logits and a decoder does not"),
            ("classification_head.{rest}", "the classification head of a fine-tuned checkpoint"),
            ("qa_outputs.{rest}", "the question answering head of a fine-tuned checkpoint"),
        ],
        fresh=[("output.weight", "the checkpoint holds no language model head")],
        prefix="model.",
    )


def _embeddings(*, tied: bool) -> list[Row]:
    """The token embeddings and the output layer, which has a weight of its own where it is not tied."""
    rows = [
        rename("model.decoder.embed_tokens.weight", "embeddings.word.weight"),
        fallback("model.shared.weight", "embeddings.word.weight"),
    ]
    head = (fallback if tied else rename)("lm_head.weight", "embeddings.word.weight" if tied else "output.weight")
    return [*rows, head]


def _attention(disk: str, ours: str) -> list[Row]:
    parts = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output"}
    return [
        *(rename(f"{_DISK}.{disk}.{name}.{{p}}", f"{_OURS}.{ours}.{own}.{{p}}") for name, own in parts.items()),
        rename(f"{_DISK}.{disk}_layer_norm.{{p}}", f"{_OURS}.{ours}_norm.{{p}}"),
    ]
