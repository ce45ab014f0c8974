"""What the bridge asks of an encoder, of a connector and of a decoder, and what they give back.

All three are ordinary `torch.nn.Module`s that fill these classes. Lengths and masks travel with the
tensors: the bridge asks nothing that is not written here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from speechgraft.errors import InputError
from speechgraft.nn.vocabulary import Vocabulary

if TYPE_CHECKING:
    from speechgraft.nn.cache import DecoderCache

InputKind = Literal["waveform", "features", "tokens"]
CrossAttentionKind = Literal["native", "injected"]


class Output(dict[str, Any]):
    """Named results that read as attributes (`out.loss`), keys (`out["loss"]`) and a tuple (`out[0]`).

    A subclass names its fields, in order, as annotations. A field that is `None` is no key and has
    no place in the tuple; as an attribute it reads `None`. Instances are frozen in all but name:
    nothing assigns to them after they were made. Registered with torch's pytree.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.names = tuple(name for name in cls.__annotations__ if name != "names")
        _pytree.register_pytree_node(
            cls,
            lambda output: (list(output.values()), tuple(output)),
            lambda values, names: cls(**dict(zip(names, values, strict=True))),
            serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        )

    def __init__(self, given: Mapping[str, Any] | None = None, /, **values: Any) -> None:
        values = {**(given or {}), **values}  # a mapping is what tools rebuild dictionaries from
        unknown = values.keys() - set(self.names)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {sorted(unknown)}")
        super().__init__((name, values[name]) for name in self.names if values.get(name) is not None)

    def __getattr__(self, name: str) -> Any:
        if name in type(self).names:
            return self.get(name)
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __getitem__(self, key: str | int | slice) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self))

    def to_tuple(self) -> tuple[Any, ...]:
        """The values that are not `None`, in the order of the fields."""
        return tuple(self.values())


def _rebuild(cls: type[Output], values: dict[str, Any]) -> Output:
    return cls(**values)


class EncoderOutput(Output):
    """What an encoder gives back.

    *Shapes:* `last_hidden_state` (batch, frames, output_size); `frame_mask` (batch, frames), bool,
    true where a frame belongs to the utterance, or `None` where every frame does; `hidden_states`
    a tuple of (batch, frames, hidden_size), the embedding first; `attentions` a tuple of
    (batch, heads, frames, frames); `extract_features` (batch, frames, features), where there are any;
    `state_mask` (batch, states), bool, where `hidden_states` have fewer places than there are frames, or `None`.
    """

    last_hidden_state: Tensor
    extract_features: Tensor | None
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    frame_mask: Tensor | None
    state_mask: Tensor | None


class DecoderOutput(Output):
    """What a decoder gives back.

    *Shapes:* `logits` (batch, tokens, vocabulary); `hidden_states` a tuple of (batch, tokens,
    hidden_size), the embedding first; `attentions` a tuple of (batch, heads, tokens, tokens seen);
    `cross_attentions` a tuple of (batch, heads, tokens, frames).
    """

    logits: Tensor
    cache: DecoderCache | None
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    cross_attentions: tuple[Tensor, ...] | None


class Seq2SeqOutput(Output):
    """What a pair gives back: the decoder's results, then the encoder's.

    *Shapes:* `loss` (); `logits` (batch, tokens, vocabulary); `encoder_last_hidden_state` the
    memory (batch, memory frames, decoder size) or, where the encoder takes tokens, its own last hidden state (batch,
    tokens, encoder size), as published; `encoder_frame_mask` the mask of that, (batch, its frames); `ctc_logits`
    (batch, encoder frames, CTC vocabulary) where the pair carries a CTC head, `ctc_loss` () where labels
    came with it. `loss` never includes `ctc_loss`.
    """

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None
    decoder_hidden_states: tuple[Tensor, ...] | None
    decoder_attentions: tuple[Tensor, ...] | None
    cross_attentions: tuple[Tensor, ...] | None
    encoder_last_hidden_state: Tensor
    encoder_hidden_states: tuple[Tensor, ...] | None
    encoder_attentions: tuple[Tensor, ...] | None
    encoder_frame_mask: Tensor | None
    ctc_logits: Tensor | None
    ctc_loss: Tensor | None


class CTCOutput(Output):
    """What an encoder with a CTC head gives back.

    *Shapes:* `loss` (), where labels were given; `logits` (batch, frames, vocabulary); `hidden_states`,
    `attentions` and `frame_mask` as in `EncoderOutput`.
    """

    loss: Tensor | None
    logits: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    frame_mask: Tensor | None


class SequenceClassifierOutput(Output):
    """What an encoder with a head for whole utterances gives back.

    *Shapes:* `loss` (), where labels were given; `logits` (batch, labels); `hidden_states` and `attentions` as
    in `EncoderOutput`.
    """

    loss: Tensor | None
    logits: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


class CausalLMOutput(Output):
    """What a language model gives back.

    *Shapes:* `loss` (), where labels were given; `logits` (batch, tokens, vocabulary); the others as in
    `DecoderOutput`.
    """

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    cross_attentions: tuple[Tensor, ...] | None


class PooledOutput(Output):
    """What an encoder of text with a pooler gives back.

    *Shapes:* `pooler_output` (batch, hidden_size), what the pooler makes of the first token; the others as in
    `EncoderOutput`.
    """

    last_hidden_state: Tensor
    pooler_output: Tensor | None
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    frame_mask: Tensor | None


class Component(nn.Module, ABC):
    """A part that knows how its own parameters begin.

    Attributes:
        config: What it was built from. A pair's parts hold the very objects that the pair's config holds.
    """

    config: Any

    @abstractmethod
    def init_weights(self, module: nn.Module) -> None:
        """Give the parameters that `module` itself owns (not its children's) their first values.

        Called for each sub-module of a part built without a checkpoint, and for those whose
        parameters a checkpoint lacks.
        """


class Encoder(Component, Vocabulary):
    """Waveform, features or token ids in, hidden states out.

    Attributes:
        input_kind: `"waveform"` (batch, samples), `"features"` (batch, frames, bins) or `"tokens"`
            (batch, tokens).
        output_size: Width of `last_hidden_state`.
        feature_size: Bins of a frame of features; `None` where other things than features go in.
        vocab_size: Tokens of the vocabulary; `None` where other things than tokens go in.
        embedding_size: Width of `inputs_embeds`; `None` where `forward` has no such option.
        max_positions: The most inputs of one row, `None` where nothing limits them.
        id_options: Options of `forward` that hold ids (batch, tokens), with how many ids there are.
    """

    input_kind: InputKind
    output_size: int
    feature_size: int | None = None
    vocab_size: int | None = None
    embedding_size: int | None = None
    max_positions: int | None = None
    id_options: Mapping[str, int] = MappingProxyType({})

    def save_pretrained(self, *arguments: Any, **options: Any) -> NoReturn:
        """Not offered: which class a folder is of, a part does not know.

        Raises:
            InputError: Always; the message says what to do instead.
        """
        raise InputError(_not_saved_alone("encoder", self))

    @abstractmethod
    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames that come out for inputs of these lengths (samples, frames or tokens).

        *Shapes:* (batch,) to (batch,), integers. Exact for every length from `minimum_length` on.
        """

    @property
    @abstractmethod
    def minimum_length(self) -> int:
        """The shortest input (samples, frames or tokens) that gives one frame."""

    @property
    @abstractmethod
    def feature_encoder(self) -> nn.Module | None:
        """What `freeze_feature_encoder` freezes, `None` where there is no such part."""

    @abstractmethod
    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Encode a batch. `attention_mask` (batch, inputs) is true or 1 for what counts.

        Audio is right-padded; what counts of tokens may lie anywhere. An encoder of tokens takes `None` for
        `inputs` where it is given `inputs_embeds`, an option of its own.

        An encoder adds options of its own as further keyword-only parameters; the bridge routes
        to them by these names.
        """


class Connector(Component):
    """Between the encoder and the memory: frames of the encoder in, frames that the decoder attends to out.

    It may change their width, and how many there are.

    Attributes:
        input_size: Width of the frames that go in, the encoder's `output_size`.
        output_size: Width of the memory, the decoder's `memory_size`.
    """

    input_size: int
    output_size: int

    @abstractmethod
    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames of memory that come of so many frames.

        *Shapes:* (batch,) to (batch,), integers. Exact for every length from 1 on, each of which gives at least
        one; more frames never give fewer.
        """

    @abstractmethod
    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Memory of frames, and which of it counts.

        *Shapes:* `hidden` (batch, frames, input_size) and `frame_mask` (batch, frames), bool, true for what counts,
        to (batch, memory frames, output_size) and (batch, memory frames), bool. `None` is every frame, and gives
        `None`. What counts of audio is the beginning of each row, of tokens it may lie anywhere; frames that do
        not count must not change the memory that does.
        """


class Decoder(Component, Vocabulary):
    """An autoregressive text model that attends to a memory.

    Attributes:
        vocab_size: Width of the logits.
        hidden_size: Width of the token embeddings.
        memory_size: Width of the memory that the cross-attention takes.
        max_positions: The most tokens of one sequence, `None` where nothing limits them.
        cross_attention: `"native"` where the pretrained model has it, `"injected"` where it is fresh.
        takes_memory: Whether this one was built with cross-attention; a language model alone may be without.
        id_options: Options of `forward` that hold ids (rows, tokens), with how many ids there are.
    """

    vocab_size: int
    hidden_size: int
    memory_size: int
    max_positions: int | None
    cross_attention: CrossAttentionKind
    takes_memory: bool = True
    id_options: Mapping[str, int] = MappingProxyType({})

    def save_pretrained(self, *arguments: Any, **options: Any) -> NoReturn:
        """Not offered: which class a folder is of, a part does not know.

        Raises:
            InputError: Always; the message says what to do instead.
        """
        raise InputError(_not_saved_alone("decoder", self))

    @abstractmethod
    def new_cache(self) -> DecoderCache:
        """An empty key/value cache for one batch of utterances."""

    @abstractmethod
    def embed(self, input_ids: Tensor) -> Tensor:
        """Token embeddings as `forward` takes them for `inputs_embeds`.

        *Shapes:* (batch, tokens) to (batch, tokens, hidden_size).
        """

    def embedded(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        """What `forward` is to decode: the embeddings that were passed, or else those of the ids.

        *Shapes:* (batch, tokens) or (batch, tokens, hidden_size), to the latter.

        Raises:
            InputError: There is neither.
        """
        if inputs_embeds is not None:
            return inputs_embeds
        if input_ids is None:
            raise InputError("nothing to decode: pass input_ids or inputs_embeds")
        return self.embed(input_ids)

    @abstractmethod
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: DecoderCache | None = None,
        last_only: bool = False,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> DecoderOutput:
        """Logits for each token, given those before it and the memory.

        `attention_mask` (batch, tokens seen and new) is true or 1 for tokens that count;
        `memory_mask` (batch, frames) likewise. With a `cache`, `input_ids` holds the new tokens
        only, and the memory is read on the first call alone. `last_only` gives the logits of the
        last token alone. A decoder adds options of its own as further keyword-only parameters.
        """


def lengths_of(mask: Tensor) -> Tensor:
    """Lengths of right-padded rows. *Shapes:* (batch, length) to (batch,), int64."""
    return mask.to(torch.int64).sum(dim=-1)


def row_lengths(states: Tensor, mask: Tensor | None) -> Tensor:
    """Places of each row that count: all of them where there is no mask.

    *Shapes:* `states` (batch, length, ...), `mask` (batch, length) to (batch,), int64.
    """
    if mask is not None:
        return lengths_of(mask)
    return torch.full(states.shape[:1], states.shape[1], dtype=torch.int64, device=states.device)


def _not_saved_alone(role: str, part: nn.Module) -> str:
    return (
        f"a bare {type(part).__name__} is not saved: pair.save_part({role!r}, folder) writes the {role} of a pair, and "
        "save_pretrained of the model that it lies in everything"
    )


def own_options(forward: Callable[..., Any], contract: Callable[..., Any]) -> tuple[str, ...]:
    """Keyword-only parameters of a `forward` beyond those of its contract."""
    known = signature(contract).parameters
    return tuple(
        name
        for name, parameter in signature(forward).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY and name not in known
    )
