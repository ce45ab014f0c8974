"""Graft a pretrained speech encoder onto a pretrained text decoder.

Importing this package imports neither torch nor a plugin: each public name below is imported when
it is first used. `__init__.pyi` tells type checkers the same names.
"""

from __future__ import annotations

from typing import Any

_HOMES = {
    "speechgraft.audio": ("Wav2Vec2FeatureExtractor", "read_audio"),
    "speechgraft.bundle": ("Transcriber",),
    "speechgraft.errors": (
        "CheckpointError",
        "ConfigError",
        "IncompatiblePairError",
        "InputError",
        "MissingExtraError",
        "PluginError",
        "RoutingError",
        "SpeechGraftError",
        "UnknownPluginError",
        "UnofferedError",
    ),
    "speechgraft.generation": ("GenerationConfig",),
    "speechgraft.plugins.bart.config": ("BartConfig",),
    "speechgraft.plugins.bart.models": ("BartForCausalLM",),
    "speechgraft.plugins.bert.config": ("BertConfig",),
    "speechgraft.plugins.bert.models": ("BertLMHeadModel", "BertModel"),
    "speechgraft.plugins.gpt2.config": ("GPT2Config",),
    "speechgraft.plugins.gpt2.models": ("GPT2LMHeadModel",),
    "speechgraft.plugins.hubert.config": ("HubertConfig",),
    "speechgraft.plugins.hubert.models": ("HubertForCTC", "HubertForSequenceClassification", "HubertModel"),
    "speechgraft.plugins.sew.config": ("SEWConfig",),
    "speechgraft.plugins.sew.models": ("SEWForCTC", "SEWForSequenceClassification", "SEWModel"),
    "speechgraft.plugins.sew_d.config": ("SEWDConfig",),
    "speechgraft.plugins.sew_d.models": ("SEWDForCTC", "SEWDForSequenceClassification", "SEWDModel"),
    "speechgraft.plugins.wav2vec2.config": ("Wav2Vec2Config",),
    "speechgraft.plugins.wav2vec2.models": ("Wav2Vec2ForCTC", "Wav2Vec2ForSequenceClassification", "Wav2Vec2Model"),
    "speechgraft.processing": ("AutoFeatureExtractor", "AutoProcessor", "AutoTokenizer", "Wav2Vec2Processor"),
    "speechgraft.registry": ("PairReport", "check", "list_connectors", "list_decoders", "list_encoders", "pair"),
    "speechgraft.registry.configs": ("EncoderDecoderConfig", "SpeechEncoderDecoderConfig"),
    "speechgraft.registry.loading": ("AutoConfig", "load"),
    "speechgraft.registry.models": ("EncoderDecoderModel", "SpeechEncoderDecoderModel"),
    "speechgraft.text": (
        "BartTokenizer",
        "BartTokenizerFast",
        "BertTokenizer",
        "BertTokenizerFast",
        "GPT2Tokenizer",
        "GPT2TokenizerFast",
        "PreTrainedTokenizerFast",
        "Wav2Vec2CTCTokenizer",
    ),
}
"""Public names by the module that holds them."""

_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

_MODULES = ("checkpoint", "config", "contracts", "ctc", "errors", "export", "generation", "nn", "registry", "testing")
"""Public modules, reachable as attributes without an import of their own."""

__all__ = [*_MODULE_OF, "__version__"]  # noqa: PLE0604 - strings, all of them


_TRAINING = "import it from transformers, whose trainers take the models of speechgraft: see docs/ecosystem.md"

_ELSEWHERE = {
    "pipeline": "use Transcriber, from a recording to its text",
    **dict.fromkeys(("Trainer", "TrainingArguments", "Seq2SeqTrainer", "Seq2SeqTrainingArguments"), _TRAINING),
    **dict.fromkeys(("DataCollatorWithPadding", "DataCollatorForSeq2Seq", "set_seed"), _TRAINING),
}
"""Names that published code imports beside its models, with what to do about each."""


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    from importlib import import_module

    if name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
    elif name in _MODULES:
        return import_module(f"{__name__}.{name}")
    elif name.startswith(("TF", "Flax")) and name.removeprefix("TF").removeprefix("Flax") in _MODULE_OF:
        raise _of_another_framework(name)
    elif name.startswith("AutoModel") or name in _ELSEWHERE:
        raise _unoffered(name)
    elif name == "__version__":
        value = _version()
    else:
        raise AttributeError(_no_attribute(name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__, *_MODULES})


def _version() -> str:
    from importlib.metadata import version

    return version(__name__)


def _of_another_framework(name: str) -> Exception:
    """What to say of published classes for TensorFlow and Flax: their weights are read, by those for PyTorch."""
    from speechgraft.errors import UnofferedError

    option, ours = ("from_tf", name[2:]) if name.startswith("TF") else ("from_flax", name[4:])
    return UnofferedError(
        f"{name} is not offered: speechgraft computes with PyTorch alone. Use {ours}, which reads the weights of such "
        f"checkpoints too: {ours}.from_pretrained(..., {option}=True)"
    )


def _unoffered(name: str) -> Exception:
    """What to say of published names that are no models: where they are, or what stands for them."""
    from speechgraft.errors import UnofferedError

    load = "speechgraft.load(folder_or_id) gives the model that its files say; a class by its own name gives it a head"
    return UnofferedError(f"{name} is not offered: {_ELSEWHERE.get(name, load)}")


def _no_attribute(name: str) -> str:
    # Names with underscores are what tools probe for; they are answered without the search for the nearest.
    if name.startswith("_"):
        return f"module {__name__!r} has no attribute {name!r}"
    from speechgraft.errors import did_you_mean

    return f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, [*__all__, *_MODULES])}"
