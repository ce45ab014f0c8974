"""The bridge between any encoder and any decoder: encode, connect, decode, loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from torch import Tensor, nn

from speechgraft import checks
from speechgraft.contracts import (
    Component,
    Connector,
    Decoder,
    DecoderOutput,
    Encoder,
    EncoderOutput,
    Seq2SeqOutput,
    own_options,
)
from speechgraft.decoder_inputs import DecoderInputs, checked_labels, rows_to_decode
from speechgraft.encoder_inputs import check_encoder_call, named_input, taken_over
from speechgraft.generation import GenerateOutput, GenerationConfig, generate
from speechgraft.generation.held import HoldsGeneration
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.init import init_common
from speechgraft.nn.packing import prepared
from speechgraft.nn.projecting import LinearConnector
from speechgraft.projection import default_connector, fitting
from speechgraft.routing import keywords, route
from speechgraft.special_tokens import IN_CALL, IN_MODEL, end_tokens, find_token
from speechgraft.switches import Switches, freeze_feature_encoder
from speechgraft.targets import LossConfig, Targets

_KEPT: Final = ("output_attentions", "output_hidden_states")
"""Options of both parts, which the calls of a pair name themselves."""

_Source = tuple[Tensor | None, Tensor | None, EncoderOutput | Sequence[Tensor] | None]
"""Inputs, their mask, and what the encoder made of them before."""

_Memory = tuple[Tensor | None, Tensor | None]
"""What the decoder attends to, and which of it counts; nothing where it has read that before."""


class BridgeConfig(LossConfig, Protocol):
    """What the bridge reads of a composite config, at the time it is used."""

    output_attentions: bool
    output_hidden_states: bool
    return_dict: bool
    ctc_vocab_size: int | None
    eos_token_id: int | list[int] | None
    decoder_start_token_id: int | None


class Bridge(Component, Switches, HoldsGeneration):
    """An encoder and a decoder wired together by a connector.

    Args:
        encoder: Any encoder.
        decoder: Any decoder.
        config: Special tokens and output switches.
        generation_config: How to generate where the call does not say.
        connector: Between the two; by default a projection where their widths differ.

    Raises:
        IncompatiblePairError: The decoder takes a memory of a set width that the encoder does not give, or the
            connector is of other widths than they.
    """

    config: BridgeConfig

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        config: BridgeConfig,
        generation_config: GenerationConfig | None = None,
        connector: Connector | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.generation_config = generation_config or GenerationConfig()
        self.encoder = encoder
        self.decoder = decoder
        self.connector: Connector
        if connector is None:
            self.connector = default_connector(encoder, decoder, std=config.decoder.initializer_range)
        else:
            self.connector = fitting(connector, encoder, decoder)
        self.ctc_head = nn.Linear(encoder.output_size, config.ctc_vocab_size) if config.ctc_vocab_size else None

    @property
    def enc_to_dec_proj(self) -> nn.Linear | None:
        """The projection under its published name; `None` where widths agree, or another connector does its work."""
        return self.connector.projection if isinstance(self.connector, LinearConnector) else None

    def connect(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Memory of encoder frames, and which of it counts.

        *Shapes:* (batch, frames, output_size) and (batch, frames) to (batch, memory frames, memory_size) and (batch,
        memory frames); a mask that is `None` stays so.
        """
        memory, memory_mask = self.connector(hidden, frame_mask)
        return memory, memory_mask

    def encode(
        self, inputs: Tensor | None = None, attention_mask: Tensor | None = None, **options: Any
    ) -> EncoderOutput:
        """Run the encoder alone.

        *Shapes:* `inputs` as the encoder's `input_kind` says, audio right-padded; `attention_mask` (batch, inputs).

        Raises:
            InputError: Nothing to encode, inputs of another kind, a bad mask, a row too short, an id that there
                is not (see `speechgraft.checks`).
            RoutingError: An option that the encoder does not take.
        """
        takes = {"encoder": (*self.forward_options()["encoder"], *_KEPT)}
        options = route(options, takes, unprefixed="encoder", own=keywords(Bridge.encode))["encoder"]
        check_encoder_call(self.encoder, inputs, attention_mask, options)
        encoded: EncoderOutput = self.encoder(inputs, attention_mask, **options)
        return encoded

    def encoded(
        self,
        inputs: Tensor | None,
        attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutput | Sequence[Tensor] | None = None,
        **options: Any,
    ) -> EncoderOutput:
        """What the encoder makes of `inputs`, or what it made of them before.

        Raises:
            InputError: There is neither, or what it made has another type than what is to read it; or see `encode`.
        """
        if encoder_outputs is not None:
            outputs = taken_over(self.encoder, encoder_outputs, attention_mask)
            checks.check_dtype(self.enc_to_dec_proj or self.decoder, outputs.last_hidden_state, "encoder_outputs")
            return outputs
        return self.encode(inputs, attention_mask, **options)

    def forward(
        self,
        inputs: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutput | Sequence[Tensor] | None = None,
        past_key_values: DecoderCache | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        input_values: Tensor | None = None,
        input_features: Tensor | None = None,
        return_dict: bool | None = None,
        input_ids: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **options: Any,
    ) -> Seq2SeqOutput | tuple[Any, ...]:
        """Logits for each decoder token, and the loss where labels are given.

        *Shapes:* `inputs` (or `input_values` or `input_features` for audio, `input_ids` or `inputs_embeds` for
        text: one of them) as the encoder's `input_kind` says, audio right-padded; `attention_mask` (batch,
        inputs); `decoder_input_ids` (batch, tokens), with `past_key_values` the new tokens alone, or
        `decoder_inputs_embeds` (batch, tokens, size), or neither, with `labels` (batch, tokens), -100 for what
        does not count, which are shifted here, once; `decoder_attention_mask` (batch, tokens seen and new).
        `encoder_outputs` of an earlier `encode` stand for inputs. `num_items_in_batch` is the number of label
        tokens over all micro-batches of one step, by which losses are divided; by default that of this call.
        Further options reach the encoder (unprefixed or `encoder_`) and the decoder (`decoder_`), but for
        `ctc_labels` (batch, tokens), negative for what does not count, which the CTC head learns from; without
        them it learns from `labels`, unless it has a vocabulary of its own (`ctc_blank_token_id`).

        Raises:
            InputError: What was passed cannot be used; the message names argument and row.
            RoutingError: An option that neither part takes.
            ConfigError: A special token is needed that no config sets.
        """
        # Trainers wait for every argument with "label" in its name, so that this one has none of its own.
        ctc_labels, own = options.pop("ctc_labels", None), (*keywords(Bridge.forward), "ctc_labels")
        routed = route(options, self.forward_options(), unprefixed="encoder", own=own)
        asked = (output_attentions, output_hidden_states)
        keep = {name: self._switch(name, given) for name, given in zip(_KEPT, asked, strict=True)}
        if encoder_outputs is None:
            inputs = self.named_input(
                inputs=inputs, input_values=input_values, input_features=input_features, input_ids=input_ids
            )
        source = (inputs, attention_mask, encoder_outputs)
        encoded = self._encoded(source, past_key_values, {**keep, **routed["encoder"]})
        memory = (None, None) if encoded is None else self.connect(encoded.last_hidden_state, encoded.frame_mask)
        rows = rows_to_decode(memory[0], past_key_values)
        given = DecoderInputs(decoder_input_ids, decoder_inputs_embeds, decoder_attention_mask)
        if labels is not None:
            labels = checked_labels(labels, self.decoder, rows)
            given = self._shifted(labels, decoder_attention_mask) if given.empty else given
        cache = past_key_values or (self.decoder.new_cache() if self._wants_cache(use_cache, labels) else None)
        given.check(self.decoder, cache, rows, routed["decoder"])
        decoded = self._decode(given, memory, cache, {**keep, **routed["decoder"]})
        output = self._output(encoded, memory, decoded, Targets(labels, ctc_labels, num_items_in_batch))
        return output if self._switch("return_dict", return_dict) else output.to_tuple()

    def named_input(self, **given: Tensor | None) -> Tensor | None:
        """The one input that was passed, by a name of `speechgraft.encoder_inputs.KINDS`, or nothing.

        Raises:
            InputError: More than one was passed, or one by a name for another kind of encoder.
        """
        return named_input(self.encoder, **given)

    def generate(self, inputs: Tensor | None = None, **options: Any) -> Tensor | GenerateOutput:
        """Token ids for each utterance: see `speechgraft.generation.generate`."""
        with prepared(self):
            return generate(self, inputs, **options)

    def forward_options(self) -> dict[str, tuple[str, ...]]:
        """The further options that `forward` takes, by the part they reach."""
        return {
            "encoder": own_options(type(self.encoder).forward, Encoder.forward),
            "decoder": own_options(type(self.decoder).forward, Decoder.forward),
        }

    def freeze_feature_encoder(self) -> None:
        """Train the encoder's feature encoder (the convolutions over a waveform) no more.

        Raises:
            InputError: The encoder has none.
        """
        freeze_feature_encoder(self.encoder)

    def init_weights(self, module: nn.Module) -> None:
        """The CTC head begins as the decoder's other linear layers do."""
        init_common(module, std=self.config.decoder.initializer_range)

    def token(
        self,
        name: str,
        purpose: str,
        generation_config: GenerationConfig | None = None,
        *,
        instead: str | None = None,
        vocab_size: int | None = None,
    ) -> int:
        """A special token's id: of the generation config, or else of the pair's, or else of the decoder's.

        Args:
            name: Its field, such as `"pad_token_id"`.
            purpose: What it is needed for, for the message.
            generation_config: What is asked first, for generating.
            instead: The field of a token that does as well where none of them sets that one.
            vocab_size: How many tokens there are, where that is to be checked.

        Raises:
            ConfigError: None sets it, or there is no such token; the message says where to put one.
        """
        first, remedy = ([], IN_MODEL) if generation_config is None else ([generation_config], IN_CALL)
        configs = (*first, self.config, self.config.decoder)
        return find_token(name, purpose, *configs, instead=instead, vocab_size=vocab_size, remedy=remedy)

    def ends(self, generation_config: GenerationConfig | None = None) -> set[int]:
        """Tokens that end a text: those of the generation config, or else of the pair's, or else of the decoder's."""
        return end_tokens(generation_config or self.generation_config, self.config, self.config.decoder)

    def _switch(self, name: str, given: bool | None) -> bool:
        return bool(getattr(self.config, name)) if given is None else given

    def _wants_cache(self, use_cache: bool | None, labels: Tensor | None) -> bool:
        return bool(self.config.decoder.use_cache and labels is None) if use_cache is None else use_cache

    def _encoded(self, source: _Source, cache: DecoderCache | None, options: dict[str, Any]) -> EncoderOutput | None:
        """What the encoder gives; `None` where nothing is passed to it and the decoder has read its memory before."""
        inputs, attention_mask, outputs = source
        nothing = inputs is None and outputs is None and options.get("inputs_embeds") is None
        if nothing and cache is not None and cache.length:
            return None
        return self.encoded(inputs, attention_mask, outputs, **options)

    def _decode(
        self, given: DecoderInputs, memory: _Memory, cache: DecoderCache | None, options: dict[str, Any]
    ) -> DecoderOutput:
        """What the decoder makes of its inputs, and of the memory with its mask."""
        decoded: DecoderOutput = self.decoder(
            given.ids,
            given.mask,
            inputs_embeds=given.embeds,
            memory=memory[0],
            memory_mask=memory[1],
            cache=cache,
            **options,
        )
        return decoded

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """The decoder inputs that `forward` makes of labels: the start token, then each label but the last.

        *Shapes:* (rows, tokens) to the same, int64; those that do not count become `pad_token_id`.

        Raises:
            InputError: The labels are no token ids.
            ConfigError: No config sets a start token or a padding token.
        """
        checks.check_tensor(labels, "labels")
        inputs = self._shifted(checked_labels(labels, self.decoder, len(labels)), None)
        return cast("Tensor", inputs.ids)

    def _shifted(self, labels: Tensor, mask: Tensor | None) -> DecoderInputs:
        """Decoder inputs for labels."""
        purpose = "to make decoder inputs of labels"
        names, known = ("decoder_start_token_id", "pad_token_id"), self.decoder.vocab_size
        start, pad = (self.token(name, purpose, vocab_size=known) for name in names)
        return DecoderInputs.of_labels(labels, mask, start=start, pad=pad)

    def _output(
        self, encoded: EncoderOutput | None, memory: _Memory, decoded: DecoderOutput, targets: Targets
    ) -> Seq2SeqOutput:
        """The results of both parts, with the losses where there are labels."""
        ctc_logits = None
        if encoded is not None and self.ctc_head is not None:
            ctc_logits = self.ctc_head(encoded.last_hidden_state)
        frame_mask = None if encoded is None else encoded.frame_mask
        return Seq2SeqOutput(
            loss=targets.loss(decoded.logits),
            logits=decoded.logits,
            past_key_values=decoded.cache,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            ctc_logits=ctc_logits,
            ctc_loss=targets.ctc_loss(ctc_logits, frame_mask, self.config),
            **({} if encoded is None else self._of_encoder(encoded, *memory)),
        )

    def _of_encoder(self, encoded: EncoderOutput, memory: Tensor | None, mask: Tensor | None) -> dict[str, Any]:
        # As published: pairs of speech show what the decoder attends to, pairs of text what the encoder gave.
        is_text = self.encoder.input_kind == "tokens"
        return {
            "encoder_last_hidden_state": encoded.last_hidden_state if is_text else memory,
            "encoder_hidden_states": encoded.hidden_states,
            "encoder_attentions": encoded.attentions,
            "encoder_frame_mask": encoded.frame_mask if is_text else mask,
        }
