"""What the configs of all models have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs

from speechgraft.config.base import Settings
from speechgraft.config.carried import CARRIED_KEYS, NOTES, OLD_GENERATION_KEYS, checked_note
from speechgraft.config.checking import label_names
from speechgraft.config.fields import config_class, field, fields_of, rule
from speechgraft.config.keys import FileKeys
from speechgraft.config.validators import dtype_name, non_negative, positive
from speechgraft.errors import ConfigError

ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]


def _two_labels() -> dict[int, str]:
    return label_names(2)


def _inverse_labels(config: Config) -> dict[str, int]:
    return {name: index for index, name in config.id2label.items()}


def _numbers(value: Any) -> Any:
    """Numbers of classes that are written as text, as in files of published training scripts; others as they are."""
    if not isinstance(value, Mapping):
        return value
    return {name: int(n) if isinstance(n, str) and n.isascii() and n.isdigit() else n for name, n in value.items()}


def _dtype_as_name(value: Any) -> Any:
    """`torch.float32` as `"float32"`; anything else as it is."""
    return str(value).removeprefix("torch.") if type(value).__module__ == "torch" else value


@config_class
class Config(Settings):
    """What a model is made from; each subclass names its `model_type`.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    aliases: ClassVar[Mapping[str, str]] = {"torch_dtype": "dtype", "_name_or_path": "name_or_path"}
    """Second names of fields."""

    file_keys: ClassVar[FileKeys] = FileKeys(renames={"_name_or_path": "name_or_path"}, carried=CARRIED_KEYS)
    """What `config.json` holds beside the fields."""

    keys_to_ignore_at_inference: ClassVar[list[str]] = [
        "past_key_values",
        "frame_mask",
        "encoder_frame_mask",
        "state_mask",
        "ctc_loss",
    ]
    """What `transformers.Trainer` takes out of outputs, so that the predictions of a CTC model are its logits alone."""

    id2label: dict[int, str] = field(factory=_two_labels, runtime=True)
    """Names of the classes that a classification head tells apart."""

    label2id: dict[str, int] = field(
        default=attrs.Factory(_inverse_labels, takes_self=True), runtime=True, convert=_numbers
    )
    """The same the other way round; follows from `id2label` where it is not given."""

    pad_token_id: int | None = field(default=None, runtime=True)
    """The token that fills rows up to the longest of a batch."""

    bos_token_id: int | None = field(default=None, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=None, runtime=True)
    """The token, or any of the tokens, that ends a text."""

    decoder_start_token_id: int | None = field(default=None, runtime=True)
    """The token that a decoder is given first."""

    output_attentions: bool = field(default=False, runtime=True)
    """Whether outputs hold attention weights where the call does not say."""

    output_hidden_states: bool = field(default=False, runtime=True)
    """Whether outputs hold the hidden states of all layers where the call does not say."""

    return_dict: bool = field(default=True, runtime=True)
    """Whether outputs are named (true) or plain tuples, where the call does not say."""

    is_encoder_decoder: bool = field(default=False)
    """Whether the model is a pair of an encoder and a decoder."""

    is_decoder: bool = field(default=False)
    """Whether the model is the decoder of a pair: its tokens then attend to earlier ones only."""

    add_cross_attention: bool = field(default=False)
    """Whether a decoder attends to a memory."""

    cross_attention_hidden_size: int | None = field(default=None, validator=positive)
    """Width of the memory that the cross-attention takes; `None`: the decoder's own width."""

    tie_word_embeddings: bool = field(default=True)
    """Whether the output layer uses the weight of the token embeddings."""

    chunk_size_feed_forward: int = field(default=0, validator=non_negative)
    """Positions that a feed-forward takes at a time, 0 for all. It saves memory and changes no result."""

    architectures: list[str] | None = field(default=None, runtime=True)
    """The classes that the checkpoint was saved from."""

    dtype: str | None = field(default=None, validator=dtype_name, runtime=True, convert=_dtype_as_name)
    """The type of the checkpoint's weights, such as `"float16"`; a `torch.dtype` is taken as well."""

    problem_type: ProblemType | None = field(default=None, runtime=True)
    """What a classification head is trained for; `None`: a regression for one label, else one class of several."""

    transformers_version: str | None = field(default=None, runtime=True)
    """The version of the library that wrote the file, where it says."""

    name_or_path: str = field(default="", runtime=True)
    """Where the checkpoint came from, where the file says (there: `_name_or_path`)."""

    @rule
    def classes_are_told_apart(self) -> str | None:
        """One class is nothing to choose from."""
        if self.problem_type != "single_label_classification" or self.num_labels > 1:
            return None
        return "problem_type: single_label_classification needs two labels or more; one is for a regression"

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name in fields_of(cls) or hasattr(cls, name):
            super().__setattr__(name, value)
        elif name in NOTES:
            self.extras[name] = checked_note(type(self), name, value)
        elif name in OLD_GENERATION_KEYS:
            raise ConfigError(
                f"{cls.__name__} has no field {name!r}: how text is generated is set in model.generation_config, or "
                "by options of generate"
            )
        else:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        noted = vars(self).get("extras", {}) if name in NOTES else {}
        return noted[name] if name in noted else super().__getattr__(name)

    @property
    def use_return_dict(self) -> bool:
        """The older name of `return_dict`, to be read."""
        return self.return_dict

    @property
    def num_labels(self) -> int:
        """How many classes a classification head tells apart. Setting another number, from 1 on, names them anew."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        if count < 1:
            raise ConfigError(f"{type(self).__name__}.num_labels cannot be set: expected 1 or more, got {count}")
        if count != self.num_labels:
            self.id2label = label_names(count)
            self.label2id = _inverse_labels(self)
