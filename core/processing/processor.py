"""An extractor and a tokenizer that were trained together, as one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.checkpoint import replacing, write_json
from speechgraft.checkpoint.place import place_and_rest
from speechgraft.errors import InputError, RoutingError, did_you_mean
from speechgraft.processing.parts import PROCESSOR_FILE, read_extractor, read_tokenizer, sorted_settings
from speechgraft.routing import keywords
from speechgraft.text import PretrainedTokenizer, TextTokenizer
from speechgraft.text.encoding import call_options
from speechgraft.text.settings import OLDER_FILES

if TYPE_CHECKING:
    from speechgraft.registry import Catalog

_TEXTS = ("text_pair", "text_target")
_GROUPS = ("audio_kwargs", "text_kwargs", "common_kwargs")


class Wav2Vec2Processor:
    """What turns recordings into what a speech encoder takes, and texts into tokens and back.

    Args:
        feature_extractor: `Wav2Vec2FeatureExtractor`, or what an encoder's plugin brings.
        tokenizer: Any tokenizer.
    """

    def __init__(self, feature_extractor: Any, tokenizer: TextTokenizer) -> None:
        self.feature_extractor = feature_extractor
        self.tokenizer = tokenizer

    @property
    def model_input_names(self) -> list[str]:
        """What a call can give."""
        return [*self.feature_extractor.model_input_names, "labels"]

    def __call__(self, audio: Any = None, text: Any = None, **options: Any) -> Any:
        """Make a batch of recordings, of texts, or of recordings with their texts as `labels`.

        Args:
            audio: One recording or several, as the extractor takes them.
            text: One text or several, as the tokenizer takes them.
            **options: What extractor and tokenizer take in a call: what both take goes to both. `audio_kwargs` and
                `text_kwargs` are dicts of what is for one of them alone, `common_kwargs` for both.

        Raises:
            RoutingError: An option is known to neither, or was passed twice.
            InputError: There is neither audio nor text; or see the calls of the two.
        """
        if audio is None and text is None:
            raise InputError("there is nothing to process: pass audio or text")
        heard, written = self._routed(options)
        if text is None:
            return self.feature_extractor(audio, **heard)
        encoded = self.tokenizer(text, **written)
        if audio is None:
            return encoded
        batch = self.feature_extractor(audio, **heard)
        batch["labels"] = encoded["input_ids"]
        return batch

    def _routed(self, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Options of the extractor and of the tokenizer."""
        takes = {"audio_kwargs": _call_of(self.feature_extractor), "text_kwargs": (*_TEXTS, *call_options())}
        flat = {name: value for name, value in options.items() if name not in _GROUPS}
        known = {name for names in takes.values() for name in names}
        for name in flat:
            if name not in known:
                raise RoutingError(f"unknown option {name!r}{did_you_mean(name, [*known, *_GROUPS])}")
        routed = []
        for group, names in takes.items():
            alone = dict(options.get(group) or {})
            if twice := sorted(alone.keys() & flat.keys()):
                raise RoutingError(f"{twice[0]!r} was passed twice, by itself and in {group}")
            everywhere = {**self._defaults(), **(options.get("common_kwargs") or {})}
            shared = {name: value for name, value in {**everywhere, **flat}.items() if name in names}
            routed.append({**shared, **alone})
        return routed[0], routed[1]

    def _defaults(self) -> dict[str, Any]:
        """What `tokenizer_config.json` says of calls: by published custom that holds for the audio too."""
        if not isinstance(self.tokenizer, PretrainedTokenizer):
            return {}
        held = self.tokenizer.settings
        return {name: held[name] for name in call_options() if held.get(name) is not None}

    def pad(self, input_features: Any = None, labels: Any = None, **options: Any) -> Any:
        """Fill features, tokens, or features with tokens as `labels` up to one length.

        Args:
            input_features: As the extractor's `pad` takes them.
            labels: As the tokenizer's `pad` takes them.
            **options: What both take.

        Raises:
            InputError: There is neither.
        """
        if input_features is None and labels is None:
            raise InputError("there is nothing to pad: pass input_features or labels")
        tokens = None if labels is None else self.tokenizer.pad(labels, **options)
        if input_features is None:
            return tokens
        batch = self.feature_extractor.pad(input_features, **options)
        if tokens is not None:
            batch["labels"] = tokens["input_ids"]
        return batch

    def decode(self, *given: Any, **options: Any) -> Any:
        """See the tokenizer's `decode`."""
        return self.tokenizer.decode(*given, **options)

    def batch_decode(self, *given: Any, **options: Any) -> Any:
        """See the tokenizer's `batch_decode`."""
        return self.tokenizer.batch_decode(*given, **options)

    def as_target_processor(self) -> NoReturn:
        """Say what takes its place.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "as_target_processor is gone: processor(text=...) encodes texts, processor.pad(labels=...) pads"
        )

    @classmethod
    def from_pretrained(
        cls, dir_or_id: str | os.PathLike[str], *, catalog: Catalog | None = None, **options: Any
    ) -> Self:
        """Read both from a folder or a hub repository.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            catalog: Where encoder and decoder of a pair are looked up; by default what is installed.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings of
                the one or the other in place of those of their files.

        Raises:
            CheckpointError: A file is missing or broken.
            ConfigError: A setting is wrong; `trust_remote_code=True`.
            RoutingError: An option is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        heard, written = sorted_settings(settings)
        return cls(read_extractor(folder, heard, catalog), read_tokenizer(folder, written, catalog))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the files of both into a folder, which is made if it is not there."""
        with replacing(Path(folder), without=OLDER_FILES) as new:
            self.tokenizer.save_pretrained(new)
            self.feature_extractor.save_pretrained(new)
            write_processor(self.feature_extractor, new)


def write_processor(extractor: Any, folder: Path) -> None:
    """Write `processor_config.json`, by which processors are loaded elsewhere; only for published extractors."""
    if isinstance(extractor, Wav2Vec2FeatureExtractor):
        described = {"feature_extractor": extractor.to_dict(), "processor_class": Wav2Vec2Processor.__name__}
        write_json(folder / PROCESSOR_FILE, described)


def _call_of(extractor: Any) -> tuple[str, ...]:
    return tuple(name for name in keywords(type(extractor).__call__) if name != "raw_speech")
