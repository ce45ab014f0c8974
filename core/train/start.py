"""What a run begins with: a new pair, two pretrained parts, or a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from speechgraft.config import Config
from speechgraft.config.fields import overlaid
from speechgraft.errors import ConfigError, InputError
from speechgraft.registry import default_catalog, pair
from speechgraft.registry.entries import DecoderEntry
from speechgraft.text import TextTokenizer, build_tokenizer

if TYPE_CHECKING:
    from speechgraft.bundle import Transcriber
    from speechgraft.registry.configs import ConnectorChoice

BUILT = ("word", "char", "wordpiece")
"""Kinds of tokenizers that are made from the manifest's texts."""


def new_bundle(
    encoder: str,
    decoder: str,
    texts: Iterable[str],
    *,
    encoder_config: Mapping[str, Any] | Config | None = None,
    decoder_config: Mapping[str, Any] | Config | None = None,
    tokenizer: str | TextTokenizer = "word",
    has_ctc: bool = True,
    connector: ConnectorChoice = None,
    seed: int = 0,
) -> Transcriber:
    """A pair with new weights, for a tokenizer: a given one, one made from the texts or one read from a folder.

    Args:
        encoder: A name in the catalog.
        decoder: A name in the catalog.
        texts: What a new vocabulary is made from.
        encoder_config: Options of the encoder's config, or the config; `None`: its defaults.
        decoder_config: The decoder's. Where options say nothing of tokens, they follow from the tokenizer.
        tokenizer: `word`, `char`, `wordpiece`, the folder of a tokenizer, or a tokenizer.
        has_ctc: Whether the encoder gets a CTC head.
        connector: What stands between the two, see `speechgraft.check`.
        seed: Of the new weights.

    Raises:
        ConfigError: All options that are wrong, or too few tokens for the tokenizer.
        UnknownPluginError: There is no such encoder or decoder.
        InputError: The encoder takes tokens.
    """
    import torch

    from speechgraft.bundle import Transcriber, check_hears

    catalog = default_catalog()
    encoder_entry, decoder_entry = catalog.encoder(encoder), catalog.decoder(decoder)
    check_hears(encoder, encoder_entry.input_kind)
    spoken = (
        tokenizer
        if isinstance(tokenizer, TextTokenizer)
        else choose_tokenizer(tokenizer, texts, decoder_entry.load_tokenizer())
    )
    parts: dict[str, Any] = {
        "encoder": encoder_config,
        "decoder": _spoken(decoder_entry, decoder_config, spoken),
        "connector": connector,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = pair(encoder, decoder, **parts, **special_tokens(spoken), ctc_vocab_size=_ctc_size(spoken, has_ctc))
    return Transcriber(model, encoder_entry.load_extractor()(), spoken)


def grafted_bundle(
    encoder: str,
    decoder: str,
    texts: Iterable[str],
    *,
    tokenizer: str | None = None,
    has_ctc: bool = True,
    connector: ConnectorChoice = None,
    seed: int = 0,
) -> Transcriber:
    """A pair of two pretrained parts, with the extractor of the first and the tokenizer of the second.

    Args:
        encoder: Folder or hub id.
        decoder: Folder or hub id.
        texts: What a new vocabulary is made from.
        tokenizer: As for `new_bundle`; `None`: the decoder's.
        has_ctc: Whether the encoder gets a CTC head.
        connector: What stands between the two, see `speechgraft.check`.
        seed: Of the weights that are made anew: connector, cross-attention, CTC head.

    Raises:
        CheckpointError: A part cannot be read.
        ConfigError: The decoder knows fewer tokens than the tokenizer has.
        IncompatiblePairError: The encoder takes tokens.
    """
    import torch

    from speechgraft.bundle import Transcriber
    from speechgraft.registry.models import SpeechEncoderDecoderModel
    from speechgraft.registry.parts import Part

    catalog = default_catalog()
    reader = catalog.decoder(Part.of("decoder", decoder, {}, catalog).config.model_type).load_tokenizer()
    spoken = reader(decoder) if tokenizer is None else choose_tokenizer(tokenizer, texts, reader)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
            encoder,
            decoder,
            dtype=torch.float32,
            **special_tokens(spoken),
            ctc_vocab_size=_ctc_size(spoken, has_ctc),
            connector=connector,
        )
    if spoken.vocab_size > model.decoder.vocab_size:
        raise ConfigError(
            f"{decoder}: the decoder knows {model.decoder.vocab_size} tokens, the tokenizer has {spoken.vocab_size}"
        )
    extractor = catalog.encoder(model.config.encoder.model_type).load_extractor()
    return Transcriber(model, extractor.from_pretrained(encoder), spoken)


def choose_tokenizer(kind: str, texts: Iterable[str], reader: Callable[[str], TextTokenizer]) -> TextTokenizer:
    """A tokenizer made from texts (`word`, `char`, `wordpiece`), or a folder's, read as the decoder's entry says."""
    return build_tokenizer(texts, kind) if kind in BUILT else reader(kind)  # type: ignore[arg-type]


def special_tokens(tokenizer: TextTokenizer) -> dict[str, Any]:
    """The fields of a pair's config that follow from a tokenizer.

    Raises:
        InputError: It lacks a token that training needs.
    """
    found = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.start_token_id,
        "decoder_start_token_id": tokenizer.start_token_id,
        "eos_token_id": tokenizer.end_token_id,
    }
    if found["pad_token_id"] is None:  # as vocabularies of language models do
        found["pad_token_id"] = tokenizer.end_token_id
    lacking = [name for name, value in found.items() if value is None]
    if lacking:
        raise InputError(f"the tokenizer has no token for {', '.join(lacking)}, which training needs")
    return {name: value for name, value in found.items() if value is not None}


def _ctc_size(tokenizer: TextTokenizer, has_ctc: bool) -> int | None:
    return tokenizer.vocab_size if has_ctc else None


def decoder_options(tokenizer: TextTokenizer) -> dict[str, Any]:
    """The fields of a new decoder's config that follow from a tokenizer.

    Raises:
        InputError: It lacks a token that training needs.
    """
    return {"vocab_size": tokenizer.vocab_size, **special_tokens(tokenizer)}


def _spoken(
    entry: DecoderEntry, given: Mapping[str, Any] | Config | None, tokenizer: TextTokenizer
) -> dict[str, Any] | Config:
    """A decoder's options or config, what options leave open being that of a tokenizer, whose tokens it has."""
    config_class = entry.load_config_class()
    told: dict[str, Any] | Config
    if isinstance(given, Config):
        told = config = given
    else:
        told = overlaid(config_class, decoder_options(tokenizer), given or {})
        try:
            config = config_class(**told)
        except ConfigError:
            return told  # whoever builds the pair tells of this and of what is wrong with the other parts
    size = getattr(config, "vocab_size", tokenizer.vocab_size)
    if size < tokenizer.vocab_size:
        raise ConfigError(
            f"{entry.name}: the decoder is too small for the tokenizer:",
            [f"$.vocab_size: {size}, expected at least {tokenizer.vocab_size}"],
        )
    return told
