"""The encoder: what speechgraft's blocks are put together to."""

from __future__ import annotations

from speechgraft import speech
from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.init import init_common, init_conv
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.context import SpeechContext
from speechgraft.nn.speech.positions import ConvPositions, WeightNormConv
from torch import Tensor, nn

from speechgraft_logmel.config import LogMelConfig
from speechgraft_logmel.subsampling import Subsampling


class LogMelEncoder(Encoder):
    """Log-mel features in, hidden states of about 40 ms a frame out.

    Args:
        config: Sizes and choices, read while building.
    """

    input_kind = "features"

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_size = config.num_mel_bins
        self.output_size = config.hidden_size
        self.subsampling = Subsampling(
            config.num_mel_bins,
            config.hidden_size,
            zip(config.conv_kernel, config.conv_stride, strict=True),
            ACTIVATIONS[config.conv_activation],
        )
        self.context = SpeechContext(
            positions(config),
            nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
            speech.layers(config, layerdrop=config.layerdrop, norm_first=True),
            dropout=config.hidden_dropout,
            norm_last=True,
        )

    @property
    def minimum_length(self) -> int:
        """Feature frames from which one frame comes out."""
        return self.subsampling.input_length(1)

    @property
    def feature_encoder(self) -> nn.Module:
        """The convolutions over the features."""
        return self.subsampling

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames that come out of so many feature frames. *Shapes:* (batch,) to (batch,)."""
        return self.subsampling.output_lengths(input_lengths)

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Encode a right-padded batch.

        *Shapes:* `inputs` (batch, frames, bins); `attention_mask` (batch, frames).
        """
        lengths = None if attention_mask is None else lengths_of(attention_mask)
        hidden, lengths = self.subsampling(inputs, lengths)  # (batch, fewer frames, hidden_size)
        mask = None if lengths is None else length_mask(lengths, hidden.shape[1])
        result = self.context(hidden, mask, keep_states=output_hidden_states, keep_weights=output_attentions)
        return EncoderOutput(
            last_hidden_state=result.hidden,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=mask,
        )

    def init_weights(self, module: nn.Module) -> None:
        """First values of the parameters that a module itself owns."""
        match module:
            case nn.Conv1d():
                init_conv(module)
            case WeightNormConv():
                module.reset_parameters()
            case _:
                init_common(module, std=self.config.initializer_range)


def positions(config: LogMelConfig) -> ConvPositions:
    """What tells frames apart: a wide convolution over them (Mohamed et al. 2019)."""
    kernel, groups = config.num_conv_pos_embeddings, config.num_conv_pos_embedding_groups
    conv = WeightNormConv(config.hidden_size, kernel, groups)
    return ConvPositions(conv, ACTIVATIONS[config.conv_activation])
