"""First values of parameters, for the blocks of speech encoders."""

from __future__ import annotations

from torch import nn

from speechgraft.nn.init import init_common, init_conv
from speechgraft.nn.speech.positions import FrameBatchNorm, WeightNormConv
from speechgraft.nn.speech.spec_augment import SpecAugment


def init_speech(module: nn.Module, *, std: float) -> None:
    """First values as published for wav2vec 2.0 and its kin; `std` is that of linear layers' weights."""
    match module:
        case WeightNormConv() | FrameBatchNorm():
            module.reset_parameters()
        case SpecAugment():
            nn.init.uniform_(module.embedding)
        case nn.Conv1d():
            init_conv(module)
        case _:
            init_common(module, std=std)
