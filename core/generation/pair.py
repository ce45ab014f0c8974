"""What a search asks of the model that it generates with."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from speechgraft.contracts import Decoder, Encoder, EncoderOutput
from speechgraft.generation.config import GenerationConfig


class Telling(Protocol):
    """A decoder, and what is asked of its special tokens; `speechgraft.registry.language.LanguageModel` is one."""

    generation_config: GenerationConfig
    config: Any

    @property
    def decoder(self) -> Decoder:
        """What gives the logits."""

    def token(
        self,
        name: str,
        purpose: str,
        generation_config: GenerationConfig | None = None,
        *,
        instead: str | None = None,
        vocab_size: int | None = None,
    ) -> int:
        """A special token's id, of the generation config or else of the model's, or that of the token `instead`."""

    def ends(self, generation_config: GenerationConfig | None = None) -> set[int]:
        """Tokens that end a text."""


class Generating(Telling, Protocol):
    """An encoder and a decoder with what lies between them; `speechgraft.bridge.Bridge` is one."""

    ctc_head: Any

    @property
    def encoder(self) -> Encoder:
        """What gives the memory."""

    def forward_options(self) -> dict[str, tuple[str, ...]]:
        """The options of `"encoder"` and `"decoder"`."""

    def named_input(self, **given: Tensor | None) -> Tensor | None:
        """The one input among those that were passed by name."""

    def encoded(
        self,
        inputs: Tensor | None,
        attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        **options: Any,
    ) -> EncoderOutput:
        """What the encoder makes of `inputs`, or what it made of them before."""

    def connect(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Memory of encoder frames, and which of it counts; see `speechgraft.bridge.Bridge.connect`."""
