"""Speech2Text2's tokenizer: byte pairs of words, with the ends of pieces that do not end a word marked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, final

from speechgraft.checkpoint import SETTINGS_FILES, locate, read_json, write_json
from speechgraft.errors import CheckpointError, InputError
from speechgraft.text import TextTokenizer

VOCABULARY_FILE: Final = "vocab.json"
MERGES_FILE: Final = "merges.txt"
CONFIG_FILE: Final = "tokenizer_config.json"

_SPECIAL: Final = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}

# subword-nmt marks a word's last letter in its merges, and pieces that go on in its vocabulary.
_WORD_ENDS, _GOES_ON = "</w>", "@@"


@final
class Speech2Text2Tokenizer(TextTokenizer):
    """Byte-pair encoding of words (Sennrich et al. 2016) in the files of subword-nmt.

    Args:
        vocabulary: Piece to id.
        merges: Pairs that are joined, the most common first; `None`: texts can be read, and none be encoded.
        lower: Whether texts are put into lower case before they are encoded.
        special_tokens: In place of `<s>`, `<pad>`, `</s>` and `<unk>` for the roles bos, pad, eos and unk.
        settings: Further contents of `tokenizer_config.json`, kept and written back.

    Raises:
        InputError: The vocabulary is empty, or the unknown token is not in it.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        merges: Sequence[tuple[str, str]] | None = None,
        *,
        lower: bool = False,
        special_tokens: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.vocabulary = dict(vocabulary)
        self.merges = None if merges is None else list(merges)
        self.lower = lower
        self.settings = dict(settings or {})
        self._special = {**_SPECIAL, **(special_tokens or {})}
        if self._special["unk"] not in self.vocabulary:
            raise InputError(f"the unk token {self._special['unk']!r} is not in the vocabulary")
        self._pieces = {place: piece for piece, place in self.vocabulary.items()}
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges or ())}
        self._split = cache(self._split_word)

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return max(self.vocabulary.values()) + 1

    @property
    def special_tokens(self) -> dict[str, str]:
        """The token of each role."""
        return dict(self._special)

    def token_to_id(self, token: str) -> int | None:
        """The id of a piece, `None` where it has none."""
        return self.vocabulary.get(token)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Token ids of a text; as published, its models expect no special token around it.

        Raises:
            InputError: There are no merges.
        """
        if self.merges is None:
            raise InputError(f"this tokenizer came without {MERGES_FILE}: it decodes, and cannot encode")
        words = (text.lower() if self.lower else text).split()
        unknown = self.vocabulary[self._special["unk"]]
        return [self.vocabulary.get(piece, unknown) for word in words for piece in self._split(word)]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids. Ids beyond the vocabulary, which a wider model can give, have no text.

        Raises:
            InputError: An id is negative or no integer.
        """
        left_out = set(self._special.values()) if skip_special_tokens else set()
        pieces: list[str] = []
        for place, token in enumerate(int(value) for value in ids):
            if token < 0:
                raise InputError(f"token {place} is {token}, expected an id from 0 on (take out -100 before decoding)")
            piece = self._pieces.get(token)
            if piece is not None and piece not in left_out:
                pieces.append(piece)
        return " ".join(pieces).replace(f"{_GOES_ON} ", "").removesuffix(_GOES_ON)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write vocabulary, merges and `tokenizer_config.json` into a folder, which is made if it is not there."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / VOCABULARY_FILE).write_text(json.dumps(self.vocabulary, ensure_ascii=False, indent=1), "utf-8")
        if self.merges is not None:
            (place / MERGES_FILE).write_text("".join(f"{' '.join(pair)}\n" for pair in self.merges), "utf-8")
        settings = {"tokenizer_class": "Speech2Text2Tokenizer", **self.settings, "do_lower_case": self.lower}
        write_json(place / CONFIG_FILE, {**settings, **{f"{role}_token": t for role, t in self._special.items()}})

    def _split_word(self, word: str) -> list[str]:
        """The pieces of a word: neighbours joined, the most common pair first, until no pair is known."""
        parts = [*word[:-1], word[-1] + _WORD_ENDS]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            parts = _joined(parts, best)
        *before, last = parts
        return [*(part + _GOES_ON for part in before), last.removesuffix(_WORD_ENDS)]


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """The parts with each occurrence of the pair as one."""
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def load_tokenizer(dir_or_id: str | os.PathLike[str]) -> Speech2Text2Tokenizer:
    """The tokenizer of a folder or hub repository: `vocab.json`, and `merges.txt` where it is there.

    Raises:
        CheckpointError: There is none, or one cannot be read.
    """
    folder = locate(dir_or_id, files=SETTINGS_FILES)
    settings = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).exists() else {}
    named = {role: settings.get(f"{role}_token") for role in _SPECIAL}
    specials = {role: t["content"] if isinstance(t, Mapping) else t for role, t in named.items() if t is not None}
    merges = _merges(folder / MERGES_FILE) if (folder / MERGES_FILE).exists() else None
    lower = bool(settings.get("do_lower_case", False))
    try:
        vocabulary = read_json(folder / VOCABULARY_FILE)
        return Speech2Text2Tokenizer(vocabulary, merges, lower=lower, special_tokens=specials, settings=settings)
    except InputError as error:
        raise CheckpointError(f"{folder}: {error}") from None


def _merges(path: Path) -> list[tuple[str, str]]:
    """The pairs of a file, one a line, which may have a count behind it."""
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line:
            continue
        if len(words := line.split()) < 2:
            raise CheckpointError(f"{path}: line {number}: {line!r}, expected two pieces")
        pairs.append((words[0], words[1]))
    return pairs
