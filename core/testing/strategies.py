"""What the properties are tried on: configs of entries, batches of inputs, tokens, labels, and pairs.

Tensors are made of a drawn seed, so that a failing case is told by a few small numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve, field, frozen
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.config import Config, Settings
from speechgraft.contracts import Decoder, Encoder
from speechgraft.errors import ConfigError, PluginError
from speechgraft.losses import IGNORED
from speechgraft.nn.masks import length_mask
from speechgraft.nn.meta import weightless
from speechgraft.registry import ConnectorEntry, DecoderEntry, EncoderEntry, default_catalog
from speechgraft.registry.configs import PairConfig
from speechgraft.registry.entries import DEFAULT_CONNECTOR, Entry
from speechgraft.registry.models import pair_class

SEEDS = st.integers(0, 2**32 - 1)

# Inputs longer than this are not drawn: a tiny front end gives many frames of them.
_LONGEST = 8192


@frozen(eq=False)
class Batch:
    """A right-padded batch of an encoder's inputs; the padding is zeros.

    Attributes:
        lengths: Samples, frames or tokens of each row.
        content: What the rows hold.
        seed: Of what they were made.
        inputs: (batch, longest), float64, or int64 where they are tokens; of features (batch, longest, bins).
    """

    lengths: tuple[int, ...]
    content: str
    seed: int
    inputs: Tensor = field(repr=False)

    @property
    def mask(self) -> Tensor:
        """(batch, longest), int64, one for what counts."""
        return length_mask(torch.tensor(self.lengths), self.inputs.shape[1]).to(torch.int64)

    def row(self, index: int) -> Tensor:
        """One row without padding. *Shapes:* to (1, its length), of features with their bins."""
        return self.inputs[index : index + 1, : self.lengths[index]]

    def refilled(self, other: Batch) -> Tensor:
        """These inputs with `other`'s in the padding. *Shapes:* to that of `inputs`."""
        return torch.where(_over(self.inputs, self.mask.to(torch.bool)), self.inputs, other.inputs)


@frozen(eq=False)
class Memory:
    """What a decoder attends to.

    Attributes:
        lengths: Frames of each utterance that count.
        seed: Of what it was made.
        frames: (utterances, frames, memory_size), float64.
        mask: (utterances, frames), bool.
    """

    lengths: tuple[int, ...]
    seed: int
    frames: Tensor = field(repr=False)
    mask: Tensor = field(repr=False)


def configs(entry: Entry) -> st.SearchStrategy[Config]:
    """Configs of an entry: its `tiny` one, and those of its `draw` where it has one."""
    drawn = entry.load_draw()
    tiny = st.builds(entry.tiny_config)
    return tiny if drawn is None else st.one_of(tiny, drawn())


@st.composite
def pair_configs(
    draw: st.DrawFn, encoder: EncoderEntry, decoder: DecoderEntry, connector: ConnectorEntry | None = None
) -> PairConfig:
    """Configs of pairs: any special tokens, with a CTC head or without, by one connector or any that is installed."""
    encoder_config, decoder_config = draw(configs(encoder)), draw(configs(decoder))
    with weightless():
        output_size = encoder.build(encoder_config).output_size
        vocab_size = decoder.build(decoder_config).vocab_size
    tokens = st.integers(0, vocab_size - 1)
    options: dict[str, Any] = {
        "pad_token_id": draw(tokens),
        "decoder_start_token_id": draw(tokens),
        "eos_token_id": draw(tokens | st.lists(tokens, min_size=1, max_size=4, unique=True)),
        "ctc_vocab_size": draw(st.sampled_from([None, vocab_size])),
        "connector": draw(connector_choices(connector)),
    }
    if draw(st.booleans()):
        decoder_config = _taking(decoder_config, output_size)
    config_class = pair_class(encoder.input_kind).config_class
    return config_class.from_encoder_decoder_configs(encoder_config, decoder_config, **options)


def connector_choices(connector: ConnectorEntry | None = None) -> st.SearchStrategy[Settings | None]:
    """Configs of a connector; without one, of any that is installed. `None`, too, where the default is among them."""
    if connector is not None:
        drawn = connector_configs(connector)
        return st.none() | drawn if connector.name == DEFAULT_CONNECTOR else drawn
    installed = default_catalog().connectors.values()
    return st.none() | st.one_of([connector_configs(entry) for entry in installed])


def connector_configs(entry: ConnectorEntry) -> st.SearchStrategy[Settings]:
    """Configs of a connector: its `tiny` one, and those of its `draw` where it has one."""
    drawn = entry.load_draw()
    tiny = st.builds(entry.tiny_config)
    return tiny if drawn is None else st.one_of(tiny, drawn())


def _taking(config: Config, memory_size: int) -> Config:
    """The config with cross-attention to a memory of that width, where the decoder can do that."""
    try:
        return config.copy(cross_attention_hidden_size=memory_size)
    except ConfigError:
        return config


def inputs_for(encoder: Encoder, frames: int) -> int:
    """The fewest inputs that give so many frames."""
    lengths = torch.arange(encoder.minimum_length, encoder.minimum_length + _LONGEST)
    enough = (encoder.output_lengths(lengths) >= frames).nonzero()
    if len(enough) == 0:
        raise AssertionError(
            f"{type(encoder).__name__}: {int(lengths[-1])} inputs give {int(encoder.output_lengths(lengths)[-1])} "
            f"frames, fewer than {frames}: choose a tiny config with a shorter stride, or see output_lengths"
        )
    return int(lengths[int(enough[0, 0])])


@st.composite
def batches(
    draw: st.DrawFn,
    encoder: Encoder,
    *,
    rows: tuple[int, int] = (1, 3),
    frames: tuple[int, int] = (1, 8),
    contents: tuple[str, ...] = ("noise", "tone", "silence", "step"),
    uneven: bool = False,
) -> Batch:
    """Batches of inputs that give about so many frames a row.

    With `uneven` there are two rows or more, and even the simplest batch has padding: one row is about as long as a
    row may be, and one about as short.
    """
    longest = inputs_for(encoder, frames[1] + 1) - 1
    if encoder.max_positions is not None:
        longest = min(longest, encoder.max_positions)
    shortest = min(inputs_for(encoder, frames[0]), longest)
    span = st.lists(st.integers(shortest, longest), min_size=rows[0], max_size=rows[1])
    lengths = tuple(draw(uneven_lengths(shortest, longest, rows) if uneven else span))
    content, seed = draw(st.sampled_from(contents)), draw(SEEDS)
    return make_batch(encoder, lengths, content, seed)


@st.composite
def uneven_lengths(draw: st.DrawFn, shortest: int, longest: int, rows: tuple[int, int]) -> list[int]:
    """Lengths of two rows or more in any order: one within a third of the longest, one within a third of the shortest.

    The simplest are the longest and the shortest, since a case that is drawn alone is the simplest.
    """
    third = (longest - shortest) // 3
    long, short = longest - draw(st.integers(0, third)), shortest + draw(st.integers(0, third))
    least, most = (count - 2 for count in rows)
    others = draw(st.lists(st.integers(shortest, longest), min_size=max(0, least), max_size=most))
    return draw(st.permutations([long, short, *others]))


def make_batch(encoder: Encoder, lengths: tuple[int, ...], content: str, seed: int) -> Batch:
    """A batch of these lengths.

    Raises:
        PluginError: The encoder takes features and does not tell how many bins they have, or tokens and does not
            tell how many there are.
    """
    size, random = (len(lengths), max(lengths)), torch.Generator().manual_seed(seed)
    if encoder.input_kind == "tokens":
        inputs = torch.randint(_told(encoder, "vocab_size"), size, generator=random)
    else:
        bins = _told(encoder, "feature_size") if encoder.input_kind == "features" else 1
        inputs = _signal(content, torch.rand(size[0], size[1] * bins, generator=random, dtype=torch.float64))
        if encoder.input_kind == "features":
            inputs = inputs.unflatten(1, (size[1], bins))  # (batch, frames, bins)
    return Batch(lengths, content, seed, inputs * _over(inputs, length_mask(torch.tensor(lengths), size[1])))


def _told(encoder: Encoder, name: str) -> int:
    """A size that an encoder of this kind must tell."""
    value: int | None = getattr(encoder, name)
    if value is None:
        raise PluginError(f"{type(encoder).__name__} takes {encoder.input_kind}, but its {name} is None")
    return value


def _over(inputs: Tensor, mask: Tensor) -> Tensor:
    """A mask (batch, longest) that broadcasts over inputs, whether or not they have bins."""
    return mask if inputs.dim() == 2 else mask[..., None]


def other_batch(encoder: Encoder, batch: Batch) -> Batch:
    """A batch of the same lengths that is another in every row, and of tokens in every place."""
    if encoder.input_kind != "tokens":
        return make_batch(encoder, batch.lengths, "noise", batch.seed + 1)
    assert encoder.vocab_size is not None, "make_batch refuses an encoder without it"
    return evolve(batch, inputs=(batch.inputs + 1) % encoder.vocab_size)


def _signal(content: str, uniform: Tensor) -> Tensor:
    """*Shapes:* `uniform` (batch, samples or bins of all frames), values from 0 to 1, to the same, from -1 to 1."""
    places = torch.arange(uniform.shape[1], dtype=uniform.dtype)
    match content:
        case "noise":
            return 2 * uniform - 1
        case "tone":
            return torch.sin(places * uniform[:, :1])
        case "step":
            return torch.where(places < uniform.shape[1] // 2, uniform[:, :1], -uniform[:, :1])
        case _:
            return torch.zeros_like(uniform)


@st.composite
def masks(draw: st.DrawFn, rows: int, length: int, *, gaps: bool = False) -> Tensor:
    """Masks in each row of which something counts: right-padded ones, or ones with gaps anywhere.

    *Shapes:* (rows, length), bool.
    """
    lengths = draw(st.lists(st.integers(1, length), min_size=rows, max_size=rows))
    mask = length_mask(torch.tensor(lengths), length)
    if not gaps:
        return mask
    random = torch.Generator().manual_seed(draw(SEEDS))
    kept = torch.rand(rows, length, generator=random) < draw(st.sampled_from([0.3, 0.7, 1.0]))
    return torch.where(torch.arange(length) == torch.tensor(lengths)[:, None] - 1, True, mask & kept)


@st.composite
def memories(
    draw: st.DrawFn, memory_size: int, *, utterances: tuple[int, int] = (1, 3), frames: tuple[int, int] = (1, 6)
) -> Memory:
    """Memories of a decoder, each utterance with a length of its own."""
    lengths = tuple(draw(st.lists(st.integers(*frames), min_size=utterances[0], max_size=utterances[1])))
    return make_memory(memory_size, lengths, draw(SEEDS))


def make_memory(memory_size: int, lengths: tuple[int, ...], seed: int) -> Memory:
    """A memory of utterances of these lengths, made of a seed."""
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), memory_size, generator=random, dtype=torch.float64)
    return Memory(lengths, seed, values, length_mask(torch.tensor(lengths), max(lengths)))


@st.composite
def token_batches(draw: st.DrawFn, decoder: Decoder, rows: int, *, tokens: tuple[int, int] = (1, 8)) -> Tensor:
    """Token ids. *Shapes:* (rows, tokens), int64."""
    return draw_ids(draw(SEEDS), decoder, rows, draw(st.integers(tokens[0], _most(decoder, tokens[1]))))


def draw_ids(seed: int, decoder: Decoder, rows: int, tokens: int) -> Tensor:
    """Token ids made of a seed. *Shapes:* (rows, tokens), int64."""
    return torch.randint(decoder.vocab_size, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def _most(decoder: Decoder, tokens: int) -> int:
    return tokens if decoder.max_positions is None else min(tokens, decoder.max_positions)


@st.composite
def label_batches(draw: st.DrawFn, decoder: Decoder, rows: int, *, tokens: tuple[int, int] = (1, 8)) -> Tensor:
    """Labels, -100 behind each row's end and here and there within it; at least one counts.

    *Shapes:* (rows, tokens), int64.
    """
    labels = draw(token_batches(decoder, rows, tokens=tokens))
    lengths = draw(st.lists(st.integers(0, labels.shape[1]), min_size=rows, max_size=rows))
    random = torch.Generator().manual_seed(draw(SEEDS))
    holes = torch.rand(labels.shape, generator=random) < draw(st.sampled_from([0.0, 0.0, 0.3]))
    counted = length_mask(torch.tensor(lengths), labels.shape[1]) & ~holes
    counted[0, 0] |= not bool(counted.any())
    return labels.masked_fill(~counted, IGNORED)
