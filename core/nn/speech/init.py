"""First values of parameters, for the blocks of speech encoders."""

from __future__ import annotations

from torch import nn

from speechgraft.nn.init import init_common, init_conv
from speechgraft.nn.speech.positions import FrameBatchNorm, WeightNormConv
from speechgraft.nn.speech.spec_augment import SpecAugment


def init_speech(module: nn.Module, *, std: float, zero_bias: bool = False) -> None:
    """First values as published for wav2vec 2.0 and its kin.

    Args:
        module: Whose own parameters begin.
        std: Of the weights of linear layers.
        zero_bias: Whether biases of convolutions begin as zero, as in Hubert and SEW, or uniform.
    """
    match module:
        case WeightNormConv() | FrameBatchNorm():
            module.reset_parameters()
        case SpecAugment():
            nn.init.uniform_(module.embedding)
        case nn.Conv1d():
            init_conv(module, zero_bias=zero_bias)
        case _:
            init_common(module, std=std)
