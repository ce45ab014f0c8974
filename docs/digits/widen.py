#!/usr/bin/env python3
"""Give a trained bundle's positional convolution a wider kernel: what it has learned stays in the middle of it.

    python widen.py BUNDLE OUT --kernel 256 [--strength 0.15] [--seed 0]

A kernel that reaches over a whole utterance tells each frame how far it is from both ends. It is learned sooner once
the model hears digits at all, so the digit model is trained with a narrow kernel first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import speechgraft as sg


def widened(model: sg.SpeechEncoderDecoderModel, kernel: int, strength: float) -> sg.SpeechEncoderDecoderModel:
    """The same model with a kernel of so many frames, its new places random and weak beside the old ones."""
    narrow = model.config.encoder.num_conv_pos_embeddings
    wide = sg.SpeechEncoderDecoderModel(
        config=model.config.copy(encoder=model.config.encoder.copy(num_conv_pos_embeddings=kernel))
    )
    state = model.state_dict()
    fresh = wide.state_dict()
    middle = slice(kernel // 2 - narrow // 2, kernel // 2 - narrow // 2 + narrow)
    for name in ("encoder.context.positions.conv.weight_g", "encoder.context.positions.conv.weight_v"):
        old, new = state[name], fresh[name]
        if name.endswith("_g"):
            new = torch.full_like(new, strength * float(old.median()))
        new[..., middle] = old
        state[name] = new
    wide.load_state_dict(state)
    wide.generation_config = model.generation_config
    return wide


def main() -> None:
    """Read the command line and write the wider bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kernel", type=int, required=True, help="frames, more than the bundle's own")
    parser.add_argument(
        "--strength", type=float, default=0.15, help="size of the new places, the median old one being 1"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    asr = sg.Transcriber.from_pretrained(args.bundle)
    sg.Transcriber(widened(asr.model, args.kernel, args.strength), asr.extractor, asr.tokenizer).save_pretrained(
        args.out
    )


if __name__ == "__main__":
    main()
