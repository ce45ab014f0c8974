"""A model with its extractor and tokenizer out of one folder, whichever kind of model it is."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from speechgraft.checkpoint import CONFIG_FILE, read_json
from speechgraft.errors import CheckpointError
from speechgraft.hearing.contract import Hearing
from speechgraft.hearing.ctc import CTCHearing
from speechgraft.hearing.pair import PairHearing
from speechgraft.registry import Catalog, EncoderEntry, default_catalog
from speechgraft.text import TextTokenizer, load_tokenizer


class Parts(NamedTuple):
    """What was trained together."""

    model: Any
    extractor: Any
    tokenizer: TextTokenizer


def load_parts(
    folder: Path, *, dtype: torch.dtype | Literal["auto"], device: torch.device | str, catalog: Catalog | None
) -> Parts:
    """The parts of a folder: of a CTC model where `config.json` is that of an encoder alone, else of a pair.

    Raises:
        CheckpointError: A file is missing or broken; there is an encoder without a CTC head.
        ConfigError: All that is wrong with a config.
    """
    catalog = catalog or default_catalog()
    described = read_json(folder / CONFIG_FILE)
    name = described.get("model_type") if isinstance(described, dict) else None
    if isinstance(name, str) and name in catalog.encoders:
        entry = catalog.encoder(name)
        model: Any = _ctc_model(entry, folder, dtype=dtype, device=device, catalog=catalog)
        return Parts(model, entry.load_extractor().from_pretrained(folder), load_tokenizer(folder))

    from speechgraft.registry.models import SpeechEncoderDecoderModel

    model = SpeechEncoderDecoderModel.from_pretrained(folder, dtype=dtype, device=device, catalog=catalog)
    encoder, decoder = (getattr(model.config, role).model_type for role in ("encoder", "decoder"))
    extractor = catalog.encoder(encoder).load_extractor().from_pretrained(folder)
    return Parts(model, extractor, catalog.decoder(decoder).load_tokenizer()(folder))


def _ctc_model(entry: EncoderEntry, folder: Path, **options: Any) -> Any:
    model_class = entry.load_ctc_model()
    if model_class is None:
        raise CheckpointError(
            f"{folder}: config.json is that of {entry.name!r} alone, which writes no text: use a pair"
        )
    model = model_class.from_pretrained(folder, **options)
    report = model.load_report
    made = [name for name in report.made if name.startswith("lm_head.")] if report is not None else []
    if made:
        raise CheckpointError(f"{folder}: an encoder without a CTC head ({', '.join(made)}), which writes no text")
    return model


def hearing_of(model: Any, tokenizer: TextTokenizer, rate: int) -> Hearing:
    """How a model is asked what was said.

    Args:
        model: A pair or a CTC model.
        tokenizer: What it was trained with.
        rate: Samples a second of what it hears.

    Raises:
        InputError: Model and tokenizer do not go together.
    """
    from speechgraft.registry import CTCModel

    return CTCHearing(model, tokenizer, rate) if isinstance(model, CTCModel) else PairHearing(model, tokenizer)


def shipped_folder() -> Path:
    """The folder of the model for spoken English digits that ships with speechgraft.

    Raises:
        CheckpointError: This installation has none.
    """
    folder = Path(str(files("speechgraft"))) / "assets" / "digits"
    if not folder.is_dir():
        raise CheckpointError("this installation has no model inside: pass the folder or hub id of one")
    return folder
