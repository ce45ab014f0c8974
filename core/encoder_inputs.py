"""What the encoder of a pair is given: one input by a name that fits, or what it made of one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from torch import Tensor

from speechgraft import checks
from speechgraft.contracts import Encoder, EncoderOutput, InputKind, lengths_of
from speechgraft.errors import InputError
from speechgraft.nn.masks import length_mask
from speechgraft.routing import one_of

_AUDIO: Final[tuple[InputKind, ...]] = ("waveform", "features")

KINDS: Final[Mapping[str, tuple[InputKind, ...]]] = MappingProxyType(
    {
        "inputs": (*_AUDIO, "tokens"),
        "input_values": _AUDIO,
        "input_features": _AUDIO,
        "input_ids": ("tokens",),
    }
)
"""The names that an input goes by, each with the kinds of encoders that it is for."""


def named_input(encoder: Encoder, **given: Tensor | None) -> Tensor | None:
    """The one input that was passed, or nothing.

    Raises:
        InputError: More than one was passed, one that is no tensor, or one by a name for another kind of encoder.
    """
    kind = encoder.input_kind
    for name, value in given.items():
        if value is not None and kind not in KINDS[name]:
            raise InputError(f"{name} was passed, but this encoder takes {kind}: {_expected(encoder)}")
        if value is not None:
            checks.check_tensor(value, name)
    return one_of(**given)


def check_encoder_call(
    encoder: Encoder,
    inputs: Tensor | None,
    attention_mask: Tensor | None,
    options: Mapping[str, Any],
    name: str = "inputs",
) -> None:
    """Refuse what the encoder cannot take.

    Args:
        encoder: Whose inputs they are.
        inputs: As its `input_kind` says.
        attention_mask: (batch, inputs).
        options: What else it is passed.
        name: What the caller calls the inputs, for messages.

    Raises:
        InputError: There is nothing to encode, or it cannot be used; the message names row and place.
    """
    given = one_of(inputs=inputs, inputs_embeds=options.get("inputs_embeds"))
    if given is None:
        raise InputError(f"nothing to encode: {_expected(encoder)}, or encoder_outputs")
    if inputs is None:
        checks.check_embeddings(encoder, given, attention_mask)
    else:
        checks.check_encoder_inputs(encoder, inputs, attention_mask, name)
    checks.check_id_options(encoder.id_options, options, given.shape[:2])


def taken_over(
    encoder: Encoder, outputs: EncoderOutput | Sequence[Tensor], attention_mask: Tensor | None
) -> EncoderOutput:
    """Encoder outputs that were passed in; where they lack a frame mask, with the one that follows from the inputs'.

    *Shapes:* `attention_mask` (batch, inputs).

    Raises:
        InputError: They have another width than the encoder gives, or a mask of tokens another shape than they.
    """
    if not isinstance(outputs, EncoderOutput):
        outputs = EncoderOutput(last_hidden_state=_first(outputs))
    checks.check_width(outputs.last_hidden_state, encoder.output_size, "encoder_outputs")
    if outputs.frame_mask is not None or attention_mask is None:
        return outputs
    rows, frames = outputs.last_hidden_state.shape[:2]
    if encoder.input_kind == "tokens":
        checks.check_binary(attention_mask, (rows, frames), "attention_mask")
        mask = attention_mask.bool()
    else:
        mask = length_mask(encoder.output_lengths(lengths_of(attention_mask)), frames)
    return EncoderOutput(**{**outputs, "frame_mask": mask})


def _first(outputs: Any) -> Any:
    try:
        return outputs[0]
    except (TypeError, LookupError):
        expected = "expected what encode gave, or a tuple that begins with (batch, frames, size)"
        raise InputError(f"encoder_outputs is {outputs!r}, {expected}") from None


def _expected(encoder: Encoder) -> str:
    """How to pass what the encoder takes."""
    names = [name for name, kinds in KINDS.items() if encoder.input_kind in kinds]
    embeds = ["inputs_embeds"] if encoder.embedding_size is not None else []
    return f"pass {' or '.join([*names, *embeds])}"
