"""Published parameter names of Speech2Text2 beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap

from speechgraft_mbart.speech2text2.config import Speech2Text2Config
from speechgraft_mbart.weights import decoder_rows


def weight_map(config: Speech2Text2Config) -> WeightMap:
    """The table of `Speech2Text2ForCausalLM`."""
    return WeightMap(
        decoder_rows(tied=config.tie_word_embeddings),
        ignored=[
            ("model.decoder.embed_positions.weights", "sines and cosines, which are computed here"),
            ("model.decoder.version", "a note of the library that the checkpoint came from"),
        ],
        fresh=[("output.weight", "the checkpoint holds no language model head")],
        prefix="model.",
    )
