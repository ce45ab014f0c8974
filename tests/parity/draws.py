"""Hypothesis strategies of tiny configs and batches that both sides of a parity test take.

A config is drawn as the options that the yardstick's config classes and ours have in common.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from hypothesis import strategies as st
from torch import Tensor
from transformers.activations import ACT2FN

from speechgraft.config.validators import ACTIVATION_NAMES
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.lengths import ConvShape

Options = dict[str, Any]

ENCODER: Options = {
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 12,
    "conv_dim": [6, 6],
    "conv_kernel": [5, 3],
    "conv_stride": [3, 2],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
DECODER: Options = {
    "hidden_size": 12,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "intermediate_size": 10,
    "vocab_size": 17,
    "max_position_embeddings": 24,
}
"""A pair that is not drawn, where a test is about something else."""

# The yardstick names selu in its documentation and has none.
activations = st.sampled_from(sorted(set(ACTIVATION_NAMES) & set(ACT2FN)))
dropouts = st.sampled_from([0.0, 0.5])
seeds = st.integers(0, 2**32 - 1)


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


@st.composite
def front_ends(draw: st.DrawFn) -> Options:
    """Convolutions over the waveform."""
    layers = draw(st.integers(1, 3))
    numbers = {"conv_dim": (4, 8), "conv_kernel": (1, 6), "conv_stride": (1, 4)}
    shape = {
        name: draw(st.lists(st.integers(*limits), min_size=layers, max_size=layers)) for name, limits in numbers.items()
    }
    return {
        **shape,
        "conv_bias": draw(st.booleans()),
        "feat_extract_norm": draw(st.sampled_from(["group", "layer"])),
        "feat_extract_activation": draw(activations),
        "feat_proj_dropout": draw(dropouts),
    }


ADAPTER_OPTIONS = (
    "add_adapter",
    "num_adapter_layers",
    "adapter_kernel_size",
    "adapter_stride",
    "output_hidden_size",
)


@st.composite
def adapters(draw: st.DrawFn, *, kernels: st.SearchStrategy[int], widths: list[int]) -> Options:
    """Convolutions behind the encoder, of one of these widths, or none."""
    if not draw(st.booleans()):
        return {}
    return {
        "add_adapter": True,
        "num_adapter_layers": draw(st.integers(1, 2)),
        "adapter_kernel_size": draw(kernels),
        "adapter_stride": draw(st.integers(1, 3)),
        "output_hidden_size": draw(st.sampled_from(widths)),
    }


@st.composite
def transformers_of_speech(draw: st.DrawFn) -> Options:
    """What all speech encoders have: sizes, dropouts, positions, masking, a front end."""
    heads = draw(st.integers(1, 3))
    size = heads * draw(st.sampled_from([4, 6]))
    return {
        "hidden_size": size,
        "num_attention_heads": heads,
        "num_hidden_layers": draw(st.integers(1, 3)),
        "intermediate_size": draw(st.integers(3, 20)),
        "hidden_act": draw(activations),
        "num_conv_pos_embeddings": draw(st.integers(1, 9)),
        "num_conv_pos_embedding_groups": draw(st.sampled_from(divisors(size))),
        "layer_norm_eps": draw(st.sampled_from([1e-5, 1e-3])),
        "hidden_dropout": draw(dropouts),
        "attention_dropout": draw(dropouts),
        "activation_dropout": draw(dropouts),
        "mask_time_prob": draw(st.sampled_from([0.0, 0.5])),
        **draw(front_ends()),
    }


@st.composite
def norm_orders(draw: st.DrawFn) -> Options:
    """Norms before or after each part of a layer, and the adapters that the former may have."""
    stable = draw(st.booleans())
    return {
        "do_stable_layer_norm": stable,
        "adapter_attn_dim": draw(st.sampled_from([None, 3])) if stable else None,
    }


@st.composite
def wav2vec2s(draw: st.DrawFn, *, masked: bool = True, widths: tuple[int, ...] = ()) -> Options:
    """A wav2vec2.

    Args:
        draw: Of hypothesis.
        masked: Whether the encoder is to be given masks. The yardstick's rule for the frames behind an
            adapter holds for kernels of three frames alone; others only go without masks.
        widths: Of adapters, beside the encoder's own.
    """
    options = draw(transformers_of_speech())
    kernels = st.just(3) if masked else st.integers(1, 5)
    return {
        **options,
        **draw(norm_orders()),
        "layerdrop": draw(dropouts),
        **draw(adapters(kernels=kernels, widths=[options["hidden_size"], *widths])),
    }


@st.composite
def huberts(draw: st.DrawFn, *, masked: bool = True) -> Options:
    """A Hubert; `masked` changes nothing."""
    return {
        **draw(transformers_of_speech()),
        **draw(norm_orders()),
        "layerdrop": draw(dropouts),
        "feat_proj_layer_norm": draw(st.booleans()),
        "conv_pos_batch_norm": draw(st.booleans()),
    }


@st.composite
def squeezes(draw: st.DrawFn, options: Options) -> Options:
    """Options with a squeeze, which needs no projection where the front end has the width already."""
    channels = [*options["conv_dim"][:-1], options["hidden_size"]]
    return {
        **options,
        "squeeze_factor": draw(st.integers(1, 4)),
        "conv_dim": draw(st.sampled_from([options["conv_dim"], channels])),
    }


@st.composite
def sews(draw: st.DrawFn, *, masked: bool = True) -> Options:
    """A SEW; `masked` changes nothing."""
    options = draw(squeezes(draw(transformers_of_speech())))
    return {**options, "layerdrop": draw(dropouts)}


@st.composite
def sew_ds(draw: st.DrawFn, *, masked: bool = True) -> Options:
    """A SEW-D, its buckets so few that tiny lengths reach beyond them; with or without masks."""
    buckets = draw(st.sampled_from([-1, *range(2, 9)]))
    shortest = 1 if buckets < 0 else buckets // 2 + 2
    unlimited = st.just(-1) if buckets > 0 else st.nothing()
    return {
        **draw(squeezes(draw(transformers_of_speech()))),
        "position_buckets": buckets,
        "max_position_embeddings": draw(st.integers(shortest, 24) | unlimited),
        "share_att_key": draw(st.booleans()),
        "relative_attention": draw(st.sampled_from([True, True, True, False])),
        "pos_att_type": draw(st.sampled_from([["p2c", "c2p"], ["c2p"], ["p2c"], []])),
        "norm_rel_ebd": draw(st.sampled_from(["layer_norm", "none"])),
        "feature_layer_norm_eps": draw(st.sampled_from([1e-5, 1e-3])),
    }


@st.composite
def berts(draw: st.DrawFn) -> Options:
    """A BERT."""
    heads = draw(st.integers(1, 3))
    vocab_size = draw(st.integers(6, 40))
    return {
        "vocab_size": vocab_size,
        "hidden_size": heads * draw(st.sampled_from([4, 6])),
        "num_attention_heads": heads,
        "num_hidden_layers": draw(st.integers(1, 3)),
        "intermediate_size": draw(st.integers(3, 20)),
        "hidden_act": draw(activations),
        "hidden_dropout_prob": draw(dropouts),
        "attention_probs_dropout_prob": draw(dropouts),
        "max_position_embeddings": draw(st.integers(24, 40)),
        "type_vocab_size": draw(st.integers(1, 3)),
        "layer_norm_eps": draw(st.sampled_from([1e-12, 1e-5])),
        "tie_word_embeddings": draw(st.booleans()),
        "pad_token_id": draw(st.none() | st.integers(0, vocab_size - 1)),
    }


@st.composite
def gpt2s(draw: st.DrawFn) -> Options:
    """A GPT-2. Half precision alone, which is compared elsewhere, tells of `reorder_and_upcast_attn`."""
    heads = draw(st.integers(1, 3))
    vocab_size = draw(st.integers(6, 40))
    return {
        "vocab_size": vocab_size,
        "hidden_size": heads * draw(st.sampled_from([4, 6])),
        "num_attention_heads": heads,
        "num_hidden_layers": draw(st.integers(1, 3)),
        "max_position_embeddings": draw(st.integers(24, 40)),
        "n_inner": draw(st.none() | st.integers(3, 20)),
        "activation_function": draw(activations),
        "resid_pdrop": draw(dropouts),
        "embd_pdrop": draw(dropouts),
        "attn_pdrop": draw(dropouts),
        "layer_norm_epsilon": draw(st.sampled_from([1e-5, 1e-3])),
        "scale_attn_weights": draw(st.booleans()),
        "scale_attn_by_inverse_layer_idx": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": draw(st.none() | st.integers(0, vocab_size - 1)),
    }


@st.composite
def barts(draw: st.DrawFn) -> Options:
    """A BART. The second names of its layers and heads are those of the encoder half.

    Both halves have as many layers: by that of the other half the yardstick sizes its cache.
    """
    layers, vocab_size = draw(st.integers(1, 3)), draw(st.integers(6, 40))
    tokens = st.none() | st.integers(0, vocab_size - 1)
    return {
        "vocab_size": vocab_size,
        "hidden_size": draw(st.integers(1, 3)) * draw(st.sampled_from([4, 6])),
        "decoder_attention_heads": draw(st.integers(1, 2)),
        "num_hidden_layers": layers,
        "decoder_layers": layers,
        "decoder_ffn_dim": draw(st.integers(3, 20)),
        "decoder_layerdrop": draw(dropouts),
        "activation_function": draw(activations),
        "dropout": draw(dropouts),
        "attention_dropout": draw(dropouts),
        "activation_dropout": draw(dropouts),
        "max_position_embeddings": draw(st.integers(24, 40)),
        "scale_embedding": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": draw(tokens),
        "forced_eos_token_id": draw(tokens),
    }


ENCODERS = {"hubert": huberts, "sew": sews, "sew-d": sew_ds, "wav2vec2": wav2vec2s}
"""Options of speech encoders, by the name in the catalog."""

DECODERS = {"bart": barts, "bert": berts, "gpt2": gpt2s}
"""Options of decoders, by the name in the catalog. Sizes go by the names that all families know."""

FURTHER_IDS: dict[str, dict[str, str]] = {
    "bart": {},
    "bert": {"token_type_ids": "type_vocab_size", "position_ids": "max_position_embeddings"},
    "gpt2": {"token_type_ids": "vocab_size", "position_ids": "max_position_embeddings"},
}
"""Ids that a decoder takes beside tokens, and the option that says how many there are."""


@attrs.frozen
class Pair:
    """A speech encoder and a decoder, the options of the pair, the seed of the weights, and the names of the two."""

    encoder: Options
    decoder: Options
    options: Options
    seed: int
    encoder_name: str = "wav2vec2"
    decoder_name: str = "bert"


@st.composite
def pairs(draw: st.DrawFn, *, masked: bool = True, encoder_name: str = "wav2vec2", decoder_name: str = "bert") -> Pair:
    """A pair whose widths are equal about every other time.

    An adapter has the width of one of the two parts: for another the yardstick builds a projection
    that does not fit.
    """
    decoder = draw(DECODERS[decoder_name]())
    widths = {"widths": (decoder["hidden_size"],)} if encoder_name == "wav2vec2" else {}
    encoder = draw(ENCODERS[encoder_name](masked=masked, **widths))
    if draw(st.booleans()):
        same = {key: encoder[key] for key in ("hidden_size", "num_attention_heads")}
        decoder |= same
        if decoder_name == "bart":
            decoder["decoder_attention_heads"] = encoder["num_attention_heads"]
        if encoder.get("add_adapter"):
            encoder["output_hidden_size"] = encoder["hidden_size"]
        if draw(st.booleans()):
            decoder["cross_attention_hidden_size"] = encoder["hidden_size"]
    # Over there GPT-2 takes no memory as it comes out of an adapter: see `test_differences.py`.
    if decoder_name == "gpt2" and encoder.get("output_hidden_size") == decoder["hidden_size"]:
        encoder = {name: value for name, value in encoder.items() if name not in ADAPTER_OPTIONS}
    tokens = st.integers(0, decoder["vocab_size"] - 1)
    options = {"pad_token_id": draw(tokens), "decoder_start_token_id": draw(tokens)}
    return Pair(encoder, decoder, options, draw(seeds), encoder_name, decoder_name)


def minimum_length(encoder: Options) -> int:
    """Samples from which an encoder gives a frame and a group norm, which wants two, has what to normalise."""
    frames = encoder.get("squeeze_factor", 1)
    for _ in range(encoder.get("num_adapter_layers", 0)):
        frames = ConvShape(encoder["adapter_kernel_size"], encoder["adapter_stride"], padding=1).input_length(frames)
    shapes = [ConvShape(*shape) for shape in zip(encoder["conv_kernel"], encoder["conv_stride"], strict=True)]
    for shape in reversed(shapes):
        frames = shape.input_length(frames)
    return max(frames, shapes[0].input_length(2))


def frames_of(encoder: Options, samples: int) -> int:
    """Frames before the adapter."""
    for shape in zip(encoder["conv_kernel"], encoder["conv_stride"], strict=True):
        samples = ConvShape(*shape).output_length(samples)
    return samples


@attrs.frozen
class Audio:
    """Waveforms, right-padded with what is no silence, and their mask."""

    values: Tensor
    mask: Tensor | None
    padding: str

    @property
    def inputs(self) -> dict[str, Tensor]:
        """As both sides take them."""
        given = {"input_values": self.values.clone(), "attention_mask": self.mask}
        return {name: value for name, value in given.items() if value is not None}


@st.composite
def audio(draw: st.DrawFn, encoder: Options, *, masked: bool = True, rows: tuple[int, int] = (1, 3)) -> Audio:
    """A batch for an encoder, with the `padding` under which our numbers are to be the yardstick's.

    That is either where nothing is padded or where nothing looks beyond a frame, else `"reference"`.
    """
    least = minimum_length(encoder)
    lengths = torch.tensor(draw(st.lists(st.integers(least, least + 40), min_size=rows[0], max_size=rows[1])))
    if not masked or draw(st.booleans()):
        lengths = lengths.max().expand(len(lengths))
    padded = bool((lengths != lengths.max()).any())
    mask = length_mask(lengths, int(lengths.max())).long() if padded or (masked and draw(st.booleans())) else None
    values = normal(draw(seeds), len(lengths), int(lengths.max()))
    looking = ("add_adapter", "squeeze_factor", "conv_pos_batch_norm")
    frame_by_frame = not any(encoder.get(name) for name in looking)
    blind = encoder["feat_extract_norm"] == "layer" and frame_by_frame
    either = blind or not padded
    return Audio(values, mask, draw(st.sampled_from(["exact", "reference"])) if either else "reference")


@st.composite
def label_rows(draw: st.DrawFn, decoder: Options, rows: int) -> Tensor:
    """Labels with -100 behind the end of rows, and now and then within them."""
    width = draw(st.integers(1, 8))
    tokens = st.integers(0, decoder["vocab_size"] - 1)
    drawn = []
    for row in range(rows):
        length = width if row == 0 else draw(st.integers(1, width))
        inner = draw(st.lists(tokens | st.just(-100), min_size=length - 1, max_size=length - 1))
        drawn.append([*inner, draw(tokens), *[-100] * (width - length)])
    return torch.tensor(drawn)


@st.composite
def token_rows(draw: st.DrawFn, size: int, rows: int, width: int) -> Tensor:
    """Whole numbers below `size`. *Shapes:* (rows, width)."""
    row = st.lists(st.integers(0, size - 1), min_size=width, max_size=width)
    return torch.tensor(draw(st.lists(row, min_size=rows, max_size=rows))).view(rows, width)


@st.composite
def decoder_inputs(
    draw: st.DrawFn, decoder: Options, rows: int, *, width: int | None = None, name: str = "bert"
) -> dict[str, Tensor]:
    """Token ids and, now and then, a mask with gaps and what else the decoder of that name takes; without a prefix."""
    width = width or draw(st.integers(1, 8))
    inputs = {"input_ids": draw(token_rows(decoder["vocab_size"], rows, width))}
    if draw(st.booleans()):
        inputs["attention_mask"] = draw(token_rows(2, rows, width))
        inputs["attention_mask"][:, 0] = 1  # a token that sees nothing, not even itself, is NaN or worse over there
    for kind, count in FURTHER_IDS[name].items():
        if draw(st.booleans()):
            inputs[kind] = draw(token_rows(decoder[count], rows, width))
    return inputs


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers, double."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
