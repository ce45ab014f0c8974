"""Drawn configs for the compatibility kit: every choice of the decoder."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft_mbart.speech2text2.config import Speech2Text2Config
from speechgraft_mbart.strategies import decoder_options


@st.composite
def configs(draw: st.DrawFn) -> Speech2Text2Config:
    """Configs of decoders."""
    return Speech2Text2Config(**draw(decoder_options()), max_target_positions=draw(st.integers(16, 40)))
