"""How to generate: limits, searches, rules and special tokens, as `generation_config.json` holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Literal

from speechgraft.config import (
    FileKeys,
    Settings,
    config_class,
    field,
    key_set,
    non_negative,
    not_empty,
    positive,
    probability,
)
from speechgraft.config.validators import Validator
from speechgraft.errors import ConfigError
from speechgraft.generation.conflicts import refuse_contradictions
from speechgraft.generation.trained import TrainedConfig
from speechgraft.generation.unoffered import UNOFFERED, refuse_unoffered

TOKENS: Final = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
"""Fields that name special tokens."""

_OF_OTHER_TOOLS: Final = key_set("""
    transformers_version _from_model_config _commit_hash cache_implementation cache_config return_legacy_cache
    max_cache_len compile_config disable_compile prefill_chunk_size continuous_batching_config
    is_assistant num_assistant_tokens num_assistant_tokens_schedule assistant_confidence_threshold
    assistant_lookbehind target_lookbehind max_matching_ngram_size
""")


def _option(default: Any, *validators: Validator) -> Any:
    """A field that is read at each call and for which `None` (in files: `null`) stands for its default."""
    return field(
        default=default,
        validator=validators or None,
        runtime=True,
        convert=lambda value: default if value is None else value,
    )


def _open(*validators: Validator) -> Any:
    """A field that is read at each call and may be `None`."""
    return field(default=None, validator=validators or None, runtime=True)


def _pairs(value: Any) -> Any:
    """A bias for each sequence of tokens as a list of pairs; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    return [[list(tokens) if isinstance(tokens, tuple) else tokens, bias] for tokens, bias in value.items()]


_LEAST_TEMPERATURE: Final = 1e-30


def _divides(config: Any, attribute: Any, value: Any) -> None:
    if value < _LEAST_TEMPERATURE:
        raise ValueError(
            f"expected at least {_LEAST_TEMPERATURE:g}, got {value:g}: scores cannot be divided by less; "
            "do_sample=False takes the most probable token"
        )


def _below_one(config: Any, attribute: Any, value: Any) -> None:
    if value >= 1:
        raise ValueError(f"expected a value below 1, got {value:g}: no other token than a certain one could be drawn")


def _tokens_each(config: Any, attribute: Any, value: Any) -> None:
    for item in value:
        not_empty(config, attribute, item[0] if isinstance(item, tuple) else item)


def _ids(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _first_set(name: str, configs: Iterable[Settings]) -> Any:
    values = (getattr(config, name) for config in configs)
    return next((value for value in values if value is not None), None)


@config_class
class GenerationConfig(TrainedConfig):
    """How to generate. Special tokens that are `None` are taken from the model's config.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    file_name: ClassVar[str] = "generation_config.json"

    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_OTHER_TOOLS, unoffered=UNOFFERED)

    max_length: int | None = _open(positive)
    """The most tokens of a row, those it begins with included; `None`: as many as the decoder has positions."""

    max_new_tokens: int | None = _open(non_negative)
    """The most tokens that are added to what a row begins with; goes before `max_length`."""

    min_length: int = _option(0, non_negative)
    """The fewest tokens of a row, those it begins with included: none of `eos_token_id` comes before."""

    min_new_tokens: int | None = _open(non_negative)
    """The fewest tokens that are added to what a row begins with; goes before `min_length`."""

    max_time: float | None = _open(positive)
    """Seconds after which every row ends where it stands."""

    do_sample: bool = _option(False)
    """Whether tokens are drawn by their probability instead of the most probable being taken."""

    num_return_sequences: int = _option(1, positive)
    """Rows for each utterance, side by side: the best beams, or as many samples."""

    temperature: float = _option(1.0, positive, _divides)
    """What scores are divided by before a token is drawn: below 1 likely tokens become likelier; at least 1e-30."""

    top_k: int = _option(50, non_negative)
    """Only so many of the most probable tokens may be drawn (Fan et al. 2018, section 5.4); 0 for all."""

    top_p: float = _option(1.0, probability)
    """Only the fewest most probable tokens that have this probability together may be drawn (Holtzman et al. 2020)."""

    min_p: float | None = _open(probability)
    """Only tokens with this share of the most probable one's probability may be drawn (Nguyen et al. 2024)."""

    top_h: float | None = _open(positive, probability)
    """Only the most probable tokens within this share of the entropy may be drawn (Potraghloo et al. 2025)."""

    typical_p: float = _option(1.0, positive, probability)
    """Only tokens whose surprise is nearest the expected one, with this probability together, may be drawn
    (Meister et al. 2023)."""

    epsilon_cutoff: float = _option(0.0, probability, _below_one)
    """Only tokens of at least this probability, below 1, may be drawn (Hewitt et al. 2022); 0 for all."""

    eta_cutoff: float = _option(0.0, probability, _below_one)
    """The same, with less asked where the distribution is flat (Hewitt et al. 2022, section 4); 0 for all."""

    num_beams: int = _option(1, positive)
    """Hypotheses of an utterance that are followed at once; 1 for none but the one."""

    early_stopping: bool | Literal["never"] = _option(False)
    """When beam search leaves an utterance: as soon as there are `num_beams` ended hypotheses (true), when the best
    that is still open scores no better at its present length (false), or at its most favourable one (`"never"`)."""

    length_penalty: float = _option(1.0)
    """The score of a hypothesis is divided by its number of tokens to this power: above 0 long ones gain."""

    num_beam_groups: int = _option(1, positive)
    """Groups of beams that are to differ (diverse beam search, Vijayakumar et al. 2018); 1 for none."""

    diversity_penalty: float = _option(0.0, non_negative)
    """What a token's log-probability loses for each earlier group that chose it at the same step."""

    ctc_weight: float = _option(0.0, probability)
    """The share of the CTC head's prefix scores in those of a beam search (Watanabe et al. 2017); 0 for none."""

    ctc_candidates: int = _option(40, positive)
    """Tokens of a row, the best by the decoder, that the CTC head is asked about, beside those that end it; others are
    impossible."""

    repetition_penalty: float = _option(1.0, positive)
    """What scores of tokens that a row has already are made worse by (Keskar et al. 2019); below 1 better."""

    encoder_repetition_penalty: float = _option(1.0, positive)
    """What scores of tokens that the encoder was given are made better by; below 1 worse."""

    no_repeat_ngram_size: int = _option(0, non_negative)
    """No so many tokens in a row come twice; 0 for any."""

    encoder_no_repeat_ngram_size: int = _option(0, non_negative)
    """No so many tokens in a row that the encoder was given come again; 0 for any."""

    bad_words_ids: list[list[int]] | None = _open(not_empty, _tokens_each)
    """Sequences of tokens that no row shall have."""

    sequence_bias: list[tuple[list[int], float]] | None = field(
        default=None, validator=[not_empty, _tokens_each], runtime=True, convert=_pairs
    )
    """What is added to the score of the last token of a sequence where the others of it stand; in Python also
    a mapping of such sequences."""

    suppress_tokens: list[int] | None = _open(non_negative)
    """Tokens that are never generated."""

    begin_suppress_tokens: list[int] | None = _open(non_negative)
    """Tokens that are not generated first."""

    forced_bos_token_id: int | None = _open(non_negative)
    """The token behind the start token, where a row begins with that alone."""

    forced_eos_token_id: int | list[int] | None = _open(non_negative)
    """The token, or one of the tokens, that stands last in a row that reaches its limit."""

    exponential_decay_length_penalty: tuple[int, float] | None = _open()
    """After so many added tokens, ends are made likelier by this factor to the power of the tokens since."""

    renormalize_logits: bool = _option(False)
    """Whether scores are made log-probabilities again after all rules; `scores` of an output then add up to 1."""

    remove_invalid_values: bool = _option(False)
    """Whether NaN and infinity of a broken model are replaced by numbers instead of being refused."""

    pad_token_id: int | None = _open()
    """The token that fills rows that ended."""

    bos_token_id: int | None = _open()
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = _open()
    """The token, or any of the tokens, that ends a row."""

    decoder_start_token_id: int | None = _open()
    """The token that a row begins with."""

    use_cache: bool = _option(True)
    """Whether keys and values are kept between steps: the same tokens, sooner."""

    alignment_heads: list[tuple[int, int]] | None = _open()
    """Layer and head of each cross-attention that times of words are read from; `None`: all."""

    return_dict_in_generate: bool = _option(False)
    """Whether `generate` gives a `GenerateOutput` instead of token ids alone."""

    output_scores: bool = _option(False)
    """Whether such an output holds the scores of each step, after all rules."""

    output_logits: bool = _option(False)
    """Whether such an output holds the logits of each step, before all rules."""

    output_attentions: bool = _option(False)
    """Whether such an output holds the attention weights of encoder and decoder."""

    output_hidden_states: bool = _option(False)
    """Whether such an output holds the hidden states of encoder and decoder."""

    @property
    def searches_beams(self) -> bool:
        """Whether hypotheses are compared as wholes: with several beams, or a CTC head beside the decoder."""
        return self.num_beams > 1 or self.ctc_weight > 0

    def superseded_by(self, options: Mapping[str, Any]) -> GenerationConfig:
        """This config with the options of one call before its own.

        A limit of the call takes the place of both of this config's.

        Raises:
            InputError: Options of the call contradict each other, or the search that they are passed to.
            ConfigError: An option has the wrong type or is impossible.
        """
        refuse_unoffered(options, self.extras)
        given = {name: value for name, value in options.items() if name not in UNOFFERED}
        if "top_k" in given and given["top_k"] is None:
            given["top_k"] = 0  # as published: in a call, it asks for none
        for limit, other in (("max_length", "max_new_tokens"), ("min_length", "min_new_tokens")):
            if given.get(limit) is not None and given.get(other) is None:
                given[other] = None
        try:
            config = self.copy(**given) if given else self
        except ConfigError as error:
            raise ConfigError("options of generation cannot be used", error.problems) from None
        refuse_contradictions(config, {name for name in given if options.get(name) is not None})
        return config

    def filled_from(self, *configs: Settings, vocab_size: int | None = None) -> GenerationConfig:
        """A copy whose special tokens, where this leaves them open, are those of the first config that sets them.

        Saved, it says all that other readers of `generation_config.json` need: they look into no other file.

        Args:
            configs: Where tokens are looked up.
            vocab_size: How many tokens there are; what the configs say of others is left out. A small decoder may
                have the published default of a special token, which its vocabulary is too small for.
        """
        found = {name: _first_set(name, configs) for name in TOKENS}
        if vocab_size is not None:
            found = {
                name: value for name, value in found.items() if all(0 <= token < vocab_size for token in _ids(value))
            }
        return self.copy(**{name: value for name, value in found.items() if getattr(self, name) is None})
