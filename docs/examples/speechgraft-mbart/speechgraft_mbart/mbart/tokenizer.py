"""mBART's and mBART-50's tokenizers: a SentencePiece model, special tokens around it, languages behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, final

import sentencepiece
from speechgraft.checkpoint import SETTINGS_FILES, locate, read_json, write_json
from speechgraft.errors import CheckpointError, InputError, did_you_mean
from speechgraft.text import TextTokenizer
from speechgraft.text import load_tokenizer as load_common

MODEL_FILE: Final = "sentencepiece.bpe.model"
CONFIG_FILE: Final = "tokenizer_config.json"

_FIRST_LANGUAGES: Final = """
ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO
ru_RU si_LK tr_TR vi_VN zh_CN
"""
_FURTHER_LANGUAGES: Final = """
af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN
th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI
"""

MBART_LANGUAGES: Final = tuple(_FIRST_LANGUAGES.split())
"""The languages of mBART, in the order of their tokens (Liu et al. 2020, table 1)."""

MBART50_LANGUAGES: Final = (*MBART_LANGUAGES, *_FURTHER_LANGUAGES.split())
"""The languages of mBART-50, which has those of mBART first (Tang et al. 2020, table 1)."""

_SPECIAL: Final = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
_FIRST: Final = tuple(_SPECIAL.values())
_MASK: Final = "<mask>"

# fairseq has four tokens in front of SentencePiece's pieces, whose first three are control tokens of its own.
_OFFSET: Final = 1

Style = Literal["mbart", "mbart50"]


@final
class MBartTokenizer(TextTokenizer):
    """Pieces of a SentencePiece model (Kudo and Richardson 2018) with a token for each language behind them.

    Args:
        model: The SentencePiece model, as its file holds it.
        style: `"mbart"`: a text ends with `</s>` and its language; `"mbart50"`: it begins with its language.
        language: The language that is written, such as `"en_XX"`.
        settings: Further contents of `tokenizer_config.json`, kept and written back.

    Raises:
        InputError: There is no such language.
    """

    def __init__(
        self,
        model: bytes,
        *,
        style: Style = "mbart50",
        language: str = "en_XX",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.style = style
        self.settings = dict(settings or {})
        self.languages = MBART_LANGUAGES if style == "mbart" else MBART50_LANGUAGES
        self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        behind = [*self.languages, _MASK]
        first = self._pieces.get_piece_size() + _OFFSET
        self._named = {token: place for place, token in enumerate(_FIRST)}
        self._named |= {token: first + place for place, token in enumerate(behind)}
        self._names = {place: token for token, place in self._named.items()}
        self.language_id(language)
        self.language = language

    @property
    def vocab_size(self) -> int:
        """Special tokens, pieces and languages."""
        return self._named[_MASK] + 1

    @property
    def special_tokens(self) -> dict[str, str]:
        """The token of each role."""
        return {**_SPECIAL, "cls": _SPECIAL["bos"], "sep": _SPECIAL["eos"], "mask": _MASK}

    @property
    def start_token_id(self) -> int:
        """What a decoder is started with: the language, or `</s>` where texts begin with their language."""
        return self.language_id(self.language) if self.style == "mbart" else self._named[_SPECIAL["eos"]]

    def language_id(self, language: str) -> int:
        """The token of a language: what a search is asked for as `forced_bos_token_id`.

        Raises:
            InputError: There is no such language.
        """
        if language not in self.languages:
            nearest = did_you_mean(language, self.languages)
            raise InputError(f"no language {language!r}{nearest}; known: {', '.join(self.languages)}")
        return self._named[language]

    def token_to_id(self, token: str) -> int | None:
        """The id of a special token, a language or a piece; `None` where it has none."""
        if token in self._named:
            return self._named[token]
        place: int = self._pieces.piece_to_id(token)
        return None if place == self._pieces.unk_id() else place + _OFFSET

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Token ids of a text; with the end and the language around it, as `style` says."""
        unknown, pieces = self._pieces.unk_id(), self._pieces.encode(text)
        ids = [self._named[_SPECIAL["unk"]] if piece == unknown else piece + _OFFSET for piece in pieces]
        if not add_special_tokens:
            return ids
        end, language = self._named[_SPECIAL["eos"]], self.language_id(self.language)
        return [*ids, end, language] if self.style == "mbart" else [language, *ids, end]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids. Ids beyond the vocabulary, which a wider model can give, have no text.

        Raises:
            InputError: An id is negative or no integer.
        """
        parts: list[str] = []
        pieces: list[int] = []
        for token in _checked(ids):
            if token not in self._names:
                if token < self.vocab_size:
                    pieces.append(token - _OFFSET)
                continue
            if not skip_special_tokens:
                parts += [self._pieces.decode(pieces), self._names[token]]
                pieces = []
        return " ".join(filter(None, [*parts, self._pieces.decode(pieces)])).strip()

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the SentencePiece model and `tokenizer_config.json` into a folder, which is made if it is not there."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / MODEL_FILE).write_bytes(self.model)
        name = "MBartTokenizer" if self.style == "mbart" else "MBart50Tokenizer"
        specials = {f"{role}_token": token for role, token in self.special_tokens.items()}
        languages = {"src_lang": self.language, "tgt_lang": self.language}
        write_json(place / CONFIG_FILE, {**specials, **self.settings, **languages, "tokenizer_class": name})


def load_tokenizer(dir_or_id: str | os.PathLike[str]) -> TextTokenizer:
    """The tokenizer of a folder or hub repository: its SentencePiece model, or what speechgraft reads without one.

    The language is `tgt_lang` of `tokenizer_config.json`, else `src_lang`, else English.

    Raises:
        CheckpointError: There is none, or one cannot be read.
    """
    folder = locate(dir_or_id, files=(*SETTINGS_FILES, MODEL_FILE))
    if not (folder / MODEL_FILE).exists():
        return load_common(folder)
    path = folder / CONFIG_FILE
    settings = {key: value for key, value in (read_json(path) if path.exists() else {}).items() if value is not None}
    style: Style = "mbart" if str(settings.get("tokenizer_class", "")).startswith("MBartT") else "mbart50"
    language = settings.get("tgt_lang") or settings.get("src_lang") or "en_XX"
    try:
        return MBartTokenizer((folder / MODEL_FILE).read_bytes(), style=style, language=language, settings=settings)
    except (InputError, RuntimeError) as error:
        raise CheckpointError(f"{folder}: {error}") from None


def _checked(ids: Iterable[int]) -> list[int]:
    values = [int(value) for value in ids]
    for place, value in enumerate(values):
        if value < 0:
            raise InputError(f"token {place} is {value}, expected an id from 0 on (take out -100 before decoding)")
    return values
