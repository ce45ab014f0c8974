"""Published parameter names of mBART beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, rename

from speechgraft_mbart.mbart.config import MBartConfig
from speechgraft_mbart.weights import decoder_rows


def weight_map(config: MBartConfig) -> WeightMap:
    """The table of `MBartForCausalLM`; from files of both halves the decoder alone is read."""
    return WeightMap(
        [
            *decoder_rows(tied=config.tie_word_embeddings),
            rename("model.decoder.embed_positions.weight", "embeddings.position.weight"),
            rename("model.decoder.layernorm_embedding.{p}", "embeddings.norm.{p}"),
            rename("model.decoder.layer_norm.{p}", "norm.{p}"),
        ],
        ignored=[
            ("model.encoder.{rest}", "mBART's encoder half, which a decoder does not have"),
            ("model.decoder.version", "a note of the library that the checkpoint came from"),
            ("final_logits_bias", "zeros, which models of both halves add to the logits and a decoder does not"),
            ("classification_head.{rest}", "the classification head of a fine-tuned checkpoint"),
            ("qa_outputs.{rest}", "the question answering head of a fine-tuned checkpoint"),
        ],
        fresh=[("output.weight", "the checkpoint holds no language model head")],
        prefix="model.",
    )
