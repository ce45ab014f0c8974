"""P14: fresh cross-attention that begins as nothing leaves the pretrained language model as it was."""

from __future__ import annotations

import torch

from speechgraft.checkpoint import load_into
from speechgraft.config.fields import option_names
from speechgraft.contracts import Decoder
from speechgraft.nn.meta import weightless
from speechgraft.registry import DecoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import build_decoder, seeded
from speechgraft.testing.strategies import SEEDS, configs, memories, token_batches

_OPTION = "cross_attention_init"


def decoder(case: Case, entry: DecoderEntry) -> None:
    """With `cross_attention_init="zero"` no memory changes the logits of a checkpoint without cross-attention.

    The fresh layers learn all the same: one of their matrices has a gradient at the first step. An entry that does not
    declare this has no such option in its config.
    """
    config = case.draw(configs(entry), "config")
    offered = _OPTION in option_names(type(config))
    case.holds(
        offered == entry.identity,
        f"the entry declares identity={entry.identity}, and its config has {_OPTION}: {offered}",
        "identity of the entry, fields of the config",
    )
    if not entry.identity:
        return
    seed = case.draw(SEEDS, "seed")
    pretrained = build_decoder(entry, config.copy(**{_OPTION: "zero"}), seed)
    grafted = _without_cross_attention(case, entry, pretrained, seed)
    memory = case.draw(memories(grafted.memory_size), "memory")
    ids = case.draw(token_batches(grafted, len(memory.lengths)), "ids")
    with torch.no_grad():
        expected = pretrained(ids).logits
    found = grafted(ids, memory=memory.frames, memory_mask=memory.mask).logits
    case.same(found, expected, "logits with a memory, of those without", f"init_weights, {_OPTION}")
    found.pow(2).mean().backward()
    matrices = [name for name in _injected(entry, grafted) if grafted.get_parameter(name).dim() > 1]
    learning = [name for name in matrices if _largest(grafted, name) > 0]
    case.holds(bool(learning), "no fresh matrix has a gradient, so that none ever learns", "init_weights")


def _without_cross_attention(case: Case, entry: DecoderEntry, pretrained: Decoder, seed: int) -> Decoder:
    """The decoder of a checkpoint that holds all of `pretrained` but its cross-attention."""
    table = entry.load_weights()(pretrained.config)
    lacking = set(_injected(entry, pretrained))
    kept = {name: value for name, value in pretrained.state_dict().items() if name not in lacking}
    with weightless():
        grafted = entry.build(pretrained.config.copy())
    with seeded(seed):
        report = load_into(grafted, table.to_disk(kept), table, dtype="auto")
    case.holds(set(report.made) == lacking, f"made anew: {sorted(report.made)}", "fresh rows of the weight map")
    return grafted.eval()


def _injected(entry: DecoderEntry, module: Decoder) -> list[str]:
    """Names of the parameters that a pretrained checkpoint lacks."""
    table = entry.load_weights()(module.config)
    names = (name for name, _ in module.named_parameters())
    return [name for name in names if (table.fresh_reason(name) or "").startswith("injected")]


def _largest(module: Decoder, name: str) -> float:
    gradient = module.get_parameter(name).grad
    return 0.0 if gradient is None else float(gradient.abs().max())
