"""Drawn configs for the compatibility kit: every choice of the decoder."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft_mbart.mbart.config import MBartConfig
from speechgraft_mbart.strategies import decoder_options


@st.composite
def configs(draw: st.DrawFn) -> MBartConfig:
    """Configs of decoders; what says `encoder_` has its defaults, for nothing reads it."""
    options = draw(decoder_options())
    return MBartConfig(
        **options,
        max_position_embeddings=draw(st.integers(16, 40)),
        forced_eos_token_id=draw(st.none() | st.integers(0, options["vocab_size"] - 1)),
    )
