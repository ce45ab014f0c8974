"""What a pair is put together from: checkpoints of parts, ready-made parts, the CTC head of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import torch
from attrs import evolve, frozen
from torch import Tensor, nn

from speechgraft.checkpoint import (
    LoadReport,
    WeightMap,
    Weights,
    load_into,
    locate,
    open_tensors,
    rename,
)
from speechgraft.config import Config
from speechgraft.contracts import Component, Decoder
from speechgraft.errors import CheckpointError, IncompatiblePairError, InputError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.configs import PAIR_TYPES, read_part
from speechgraft.registry.entries import DecoderEntry, EncoderEntry, PartRole
from speechgraft.registry.folders import read_config
from speechgraft.registry.language import LanguageModel
from speechgraft.registry.pretrained import Pretrained, Source, chosen_weights
from speechgraft.registry.published import refuse_other_weights
from speechgraft.registry.single import EncoderModel, SingleEncoderModel
from speechgraft.registry.text_encoder import TextEncoderModel
from speechgraft.special_tokens import find_token

PLACE: Final = ("revision", "subfolder", "token", "cache_dir", "local_files_only")
"""What may be said of where a part lies, as `{role}_revision` and so on."""


@frozen
class Part:
    """A checkpoint of one part, or a ready-made part."""

    entry: EncoderEntry | DecoderEntry
    config: Config
    folder: Path | None
    model: Any
    weights: Weights = "torch"
    prefix: str = ""
    """What names in the folder begin with: those of a part of a whole pair with its role."""
    role: PartRole = "encoder"

    @classmethod
    def of(
        cls, role: PartRole, source: Source | None, options: dict[str, Any], catalog: Catalog, **shared: Any
    ) -> Self:
        """The part that `source` names, or `{role}_model` and `{role}_config`, which are taken out of `options`.

        So are `{role}_from_tf` and `{role}_from_flax`, which say whose weights the folder holds, and `{role}_revision`
        and what else says where it lies, before what is `shared` by both parts.
        A folder with a whole pair gives the part of it that has this role.
        """
        model, config = options.pop(f"{role}_model", None), options.pop(f"{role}_config", None)
        if model is not None:
            model = bare(model, role)
            return cls(catalog.entry(role, model.config.model_type), model.config, None, model)
        from_tf, from_flax = (options.pop(f"{role}_{name}", False) for name in ("from_tf", "from_flax"))
        weights = chosen_weights(from_tf, from_flax, f"{role}_")
        place = {name: options.pop(f"{role}_{name}") for name in PLACE if f"{role}_{name}" in options}
        if source is None:
            raise InputError(f"no {role}: pass a folder or a hub id, or {role}_model")
        if not isinstance(config, Config | None):
            raise InputError(f"{role}_config={config!r}, expected a config, such as {role}.config of a model")
        with _in_options_of(role):
            folder = locate(source, weights=weights, **{**shared, **place})
        data = read_config(folder)
        whole = data.get("model_type") in PAIR_TYPES and isinstance(data.get(role), dict)
        config = config or read_part(data[role] if whole else data, role, catalog)
        prefix = f"{role}." if whole else ""
        return cls(catalog.entry(role, config.model_type), config, folder, None, weights, prefix, role)

    def tensors(self) -> Mapping[str, Tensor]:
        """Those of the folder by their names in a checkpoint of this part alone, without those of a pair's rest."""
        assert self.folder is not None, "a ready-made part has none"
        with _in_options_of(self.role):
            disk = open_tensors(self.folder, self.weights)
        if not self.prefix:
            return disk
        return {name.removeprefix(self.prefix): disk[name] for name in disk if name.startswith(self.prefix)}

    def refuse_others(self) -> None:
        """Refuse weights that are no safetensors, as `use_safetensors=True` asks, before they are read.

        Raises:
            CheckpointError: They are none.
        """
        if self.folder is not None:
            refuse_other_weights(self.folder, self.weights)

    def load_into(self, module: Component, dtype: torch.dtype | None, device: torch.device | str) -> LoadReport:
        """Fill a part built without weights; a ready-made one is left as it is."""
        if self.folder is None:
            return LoadReport()
        weights = self.entry.load_weights()(module.config)
        return load_into(module, self.tensors(), weights, dtype=dtype, device=device)


@frozen
class CTCHead:
    """The CTC head of an encoder's checkpoint, by its names there."""

    tensors: Mapping[str, Tensor]

    @classmethod
    def of(cls, encoder: Part, options: dict[str, Any]) -> Self:
        """The head that a checkpoint has; its sizes are put among the options of the pair's config."""
        if encoder.folder is None:
            raise InputError("keep_ctc_head takes the head of a checkpoint, but a ready-made encoder was passed")
        given = sorted({"ctc_vocab_size", "ctc_blank_token_id"} & options.keys())
        if given:
            raise InputError(f"{given[0]} and keep_ctc_head were passed together; the head that is kept sets it")
        disk = encoder.tensors()
        tensors = {name: disk[name] for name in disk if name.startswith("lm_head.")}
        if tensors.keys() != {"lm_head.weight", "lm_head.bias"}:
            raise CheckpointError(f"{encoder.folder}: there is no CTC head (lm_head) to keep")
        options["ctc_vocab_size"] = len(tensors["lm_head.weight"])
        options["ctc_blank_token_id"] = find_token("pad_token_id", "as the blank of the CTC head", encoder.config)
        return cls(tensors)

    def load_into(self, head: nn.Linear, dtype: torch.dtype | None, device: torch.device | str) -> LoadReport:
        """Fill a head built without weights."""
        return load_into(head, self.tensors, WeightMap([rename("lm_head.{p}", "{p}")]), dtype=dtype, device=device)

    def taken_out_of(self, report: LoadReport) -> LoadReport:
        """The encoder's report without what it left out for the head."""
        return evolve(report, ignored={name: why for name, why in report.ignored.items() if name not in self.tensors})


@contextmanager
def _in_options_of(role: PartRole) -> Iterator[None]:
    """What is wrong with a part's folder, with the options of a pair's factory in place of `from_pretrained`'s."""
    try:
        yield
    except CheckpointError as error:
        told = str(error)
        for option in ("from_tf", "from_flax"):
            told = told.replace(f" {option}", f" {role}_{option}")
        raise CheckpointError(told) from error.__cause__


def bare(part: Any, role: PartRole) -> Any:
    """The encoder or decoder of a ready-made model of one; a part as it is.

    Raises:
        InputError: The model has a head that a pair has no place for; or it is for the other role.
        IncompatiblePairError: It is a language model that was built without cross-attention.
    """
    name = type(part).__name__
    if isinstance(part, (EncoderModel, TextEncoderModel)) and role == "encoder":
        return part.encoder
    if isinstance(part, SingleEncoderModel) and role == "encoder":
        raise InputError(f"{name} has a head, which a pair has no place for: pass its `encoder`")
    if isinstance(part, LanguageModel) and role == "decoder":
        part = part.decoder
    if isinstance(part, Decoder) and role == "decoder" and not part.takes_memory:
        raise IncompatiblePairError(
            f"{name} was built without cross-attention, so that it would attend to nothing of the encoder: build it "
            "of a config with is_decoder=True and add_cross_attention=True (from_pretrained takes both)"
        )
    if isinstance(part, Pretrained):
        right = "an encoder alone, or its checkpoint" if role == "encoder" else "a language model, or its checkpoint"
        raise InputError(f"{name} cannot be the {role} of a pair: pass {right}")
    return part
