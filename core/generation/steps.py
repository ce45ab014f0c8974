"""One step of any search: the decoder asked for what comes behind each row, on its cache or without one."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from speechgraft.contracts import Decoder, DecoderOutput
from speechgraft.errors import InputError


class Seen(NamedTuple):
    """What a step showed of the decoder's inside, for the rows that were live then.

    *Shapes:* `utterances` (live utterances,), their places in the batch, each with `times` rows; the others one
    tensor a layer, as in `DecoderOutput`, for the tokens that were new to the step.
    """

    utterances: Tensor
    times: int
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None
    cross_attentions: tuple[Tensor, ...] | None


class Steps:
    """The decoder, asked for the logits behind the last token of each row that is still live.

    Rows lie utterance by utterance: one each at first, `times` each (the beams) after `expand`. The memory is
    read once and shared by the rows of an utterance.

    Args:
        decoder: What gives the logits.
        memory: (utterances, frames, memory_size), or `None` where there is nothing to attend to.
        memory_mask: (utterances, frames), true or 1 for what counts, or `None`.
        cached: Whether keys and values are kept between steps; without, each step reads all tokens anew.
        keep_attentions: Whether `seen` holds attentions.
        keep_states: Whether `seen` holds hidden states.
        finite: Whether logits that are no numbers are refused.
        prompts: (utterances, tokens), which of the tokens that rows begin with count; needed where there is no memory.

    Attributes:
        utterances: (live utterances,), the place that each had in the batch.
        times: Rows of an utterance.
        taken: Steps taken so far.
        seen: What each step showed, where something of it is to be kept.
    """

    def __init__(
        self,
        decoder: Decoder,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        *,
        cached: bool,
        keep_attentions: bool = False,
        keep_states: bool = False,
        finite: bool = True,
        prompts: Tensor | None = None,
    ) -> None:
        first = memory if prompts is None else prompts
        assert first is not None, "a memory, or prompts"
        self.utterances = torch.arange(len(first), device=first.device)
        self.times = 1
        self.taken = 0
        self.seen: list[Seen] = []
        self._decoder = decoder
        self._memory = memory
        # Where every frame counts, attention is spared the mask.
        self._memory_mask = None if memory_mask is None or memory_mask.all() else memory_mask
        self._prompts = None if prompts is None or prompts.all() else prompts.bool()
        self._cache = decoder.new_cache() if cached else None
        self._finite = finite
        self._keep = {"output_attentions": keep_attentions, "output_hidden_states": keep_states}

    def __call__(self, rows: Tensor) -> Tensor:
        """Logits behind the last token. *Shapes:* (rows, tokens so far) to (rows, vocabulary), float32 or wider.

        Raises:
            InputError: Logits are NaN or infinite, or rule every token out; the message names utterance and step.
        """
        output = self._decode(rows)
        self.taken += 1
        if any(self._keep.values()):
            inside = (output.hidden_states, output.attentions, output.cross_attentions)
            self.seen.append(Seen(self.utterances, self.times, *inside))
        logits: Tensor = output.logits[:, -1]  # (rows, vocabulary)
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        if self._finite:
            self._check_finite(logits)
        return logits

    def _decode(self, rows: Tensor) -> DecoderOutput:
        seen = 0 if self._cache is None else self._cache.length
        cache = self._cache
        if cache is None and self.times > 1:  # one for this step alone tells which rows share an utterance
            cache = self._decoder.new_cache()
            cache.expand(self.times)
        output: DecoderOutput = self._decoder(
            rows[:, seen:],
            memory=None if seen else self._memory,
            memory_mask=None if seen else self._memory_mask,
            cache=cache,
            last_only=True,
            **self._keep,
            **self._placed(rows, seen),
        )
        return output

    def _placed(self, rows: Tensor, seen: int) -> dict[str, Tensor]:
        """Which tokens count, and their places among those, where prompts have tokens that do not."""
        if self._prompts is None:
            return {}
        told = self._prompts.repeat_interleave(self.times, dim=0)  # (rows, tokens of the prompt)
        mask = F.pad(told, (0, rows.shape[1] - told.shape[1]), value=True)  # (rows, tokens so far)
        if "position_ids" not in self._decoder.id_options:  # such a decoder counts what it is shown
            return {"attention_mask": mask}
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return {"attention_mask": mask, "position_ids": places[:, seen:]}

    def _check_finite(self, logits: Tensor) -> None:
        # The highest of a row tells all: NaN and infinity are passed on, and where each is -inf, so is it.
        highest = logits.amax(dim=-1)  # (rows,)
        broken = (~torch.isfinite(highest)).nonzero().flatten()
        if len(broken):
            utterance = int(self.utterances[broken[0] // self.times])
            raise InputError(
                f"the decoder's logits for row {utterance} of the batch are not finite at step {self.taken} "
                f"(the highest is {float(highest[broken[0]])}): its weights or its memory may hold NaN or infinity"
            )

    def utterances_of(self, rows: int) -> Tensor:
        """The utterance of each of so many rows, by its place in the batch. *Shapes:* (rows,), int64."""
        return self.utterances.repeat_interleave(rows // len(self.utterances))

    def expand(self, times: int) -> None:
        """Go on with `times` rows for each row, side by side; the memory is not copied."""
        self.times *= times
        if self._cache is not None:
            self._cache.expand(times)

    def reorder(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`, of the same utterance. *Shapes:* (rows,), int64."""
        if self._cache is not None:
            self._cache.reorder(rows)

    def keep_rows(self, kept: Tensor) -> None:
        """Go on with these of the live utterances, with all their rows. *Shapes:* (kept utterances,), int64."""
        self.utterances = self.utterances[kept]
        if self._cache is not None:
            self._cache.keep_rows(kept)
        self._prompts = None if self._prompts is None else self._prompts[kept]
        if self._cache is None or not self._cache.length:  # the memory is still to be read
            self._memory = None if self._memory is None else self._memory[kept]
            self._memory_mask = None if self._memory_mask is None else self._memory_mask[kept]
