"""The character vocabulary of CTC models, with their rule for reading frames."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Self, final

from speechgraft.errors import CheckpointError, InputError
from speechgraft.json_files import read_json, write_json
from speechgraft.text.alphabet import Alphabet
from speechgraft.text.contract import TextTokenizer, id_list
from speechgraft.text.settings import CONFIG_FILE, added_tokens, read_settings, special_tokens

_FILE = "vocab.json"
_ADDED_FILE = "added_tokens.json"
_DEFAULTS = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}


@final
class CTCTokenizer(TextTokenizer):
    """Characters (and tokens of several characters) with a word delimiter; the `pad` token is the blank.

    Special tokens that the vocabulary lacks get the ids after its last, in the order bos, eos, unk, pad, and
    `vocab_size` counts them: name all four in the vocabulary where its size is to be the model's.

    Args:
        vocabulary: Token to id.
        special_tokens: Overrides `<s>`, `</s>`, `<unk>` and `<pad>` for the roles bos, eos, unk and pad.
        added: Further tokens with their ids.
        word_delimiter_token: What stands for a space in the vocabulary.
        replace_word_delimiter_char: What the delimiter is written as.
        do_lower_case: Whether the vocabulary is in upper case and the text in lower case.
        settings: Further contents of `tokenizer_config.json`, kept and written back.

    Raises:
        InputError: The vocabulary is empty, nested, gives one id twice, or gives an id that is no integer.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        special_tokens: Mapping[str, str] | None = None,
        *,
        added: Mapping[str, int] | None = None,
        word_delimiter_token: str = "|",
        replace_word_delimiter_char: str = " ",
        do_lower_case: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        _check_vocabulary(vocabulary)
        self.vocabulary = dict(vocabulary)
        self.word_delimiter_token = word_delimiter_token
        self.replace_word_delimiter_char = replace_word_delimiter_char
        self.do_lower_case = do_lower_case
        self.settings = dict(settings or {})
        self._special = {**_DEFAULTS, **(special_tokens or {})}
        self._added = self._completed(added or {})
        # Where an id is claimed twice, the vocabulary's token keeps it.
        self._tokens = {number: token for token, number in {**self._added, **self.vocabulary}.items()}
        self._long_tokens = _any_of(t for t in {**self.vocabulary, **self._added} if len(t) > 1)

    def _completed(self, added: Mapping[str, int]) -> dict[str, int]:
        added = {token: number for token, number in added.items() if token not in self.vocabulary}
        for token in self._special.values():
            if token not in self.vocabulary and token not in added:
                added[token] = max((*self.vocabulary.values(), *added.values())) + 1
        return added

    @property
    def vocab_size(self) -> int:
        """One more than the largest token id, added tokens included."""
        return max(self._tokens) + 1

    @property
    def special_tokens(self) -> dict[str, str]:
        """The token of each role that there is one for."""
        return dict(self._special)

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, `None` where it has none."""
        return self.vocabulary.get(token, self._added.get(token))

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The id of each character, of the delimiter for each space, of `unk` for what is not in the vocabulary.

        Nothing is put around the text: a CTC model has no start and no end.

        Raises:
            InputError: A character is not in the vocabulary, and neither is `unk`, so that no model has a score for it.
        """
        unknown = self.vocabulary.get(self._special["unk"])
        ids: list[int] = []
        for token in self._split(text):
            found = self.token_to_id(token)
            number = unknown if found is None else found
            if number is None:
                raise InputError(
                    f"{token!r} is not in the vocabulary, and it has no unknown token ({self._special['unk']!r})"
                )
            ids.append(number)
        return ids

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        for piece in self._long_tokens.split(text):
            if self._long_tokens.fullmatch(piece):
                tokens.append(piece.strip())
            else:
                cased = piece.upper() if self.do_lower_case else piece
                tokens.extend(cased.replace(" ", self.word_delimiter_token))
        return tokens

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, group_tokens: bool = True) -> str:
        """The text that frames spell: equal neighbours count once, blanks are dropped.

        Args:
            ids: The best token of each frame.
            skip_special_tokens: Leave out special tokens other than the blank and the word delimiter. A blank
                separates equal neighbours either way.
            group_tokens: Whether equal neighbours count once; false for ids that `encode` gave.

        Raises:
            InputError: An id is negative or no integer.

        Graves et al. 2006, "Connectionist temporal classification", section 3.1.
        """
        blank, unknown = self._special["pad"], self._special["unk"]
        tokens = [self._tokens.get(number, unknown) for number in id_list(ids)]
        if skip_special_tokens:
            dropped = set(self._special.values()) - {blank, self.word_delimiter_token}
            tokens = [token for token in tokens if token not in dropped]
        if group_tokens:
            tokens = [token for token, _ in groupby(tokens)]
        spoken = (self._written(token) for token in tokens if token != blank)
        text = "".join(spoken).strip()
        return text.lower() if self.do_lower_case else text

    def alphabet(self, size: int | None = None, skip_special_tokens: bool = True) -> Alphabet:
        """What each token is written as, for what reads scores by itself (see `speechgraft.ctc`).

        Args:
            size: How many scores the model gives for a frame; by default `vocab_size`. What the vocabulary lacks
                is read as `unk`.
            skip_special_tokens: As in `decode`.

        Raises:
            InputError: `size` is not positive.
        """
        blank, unknown = self._special["pad"], self._special["unk"]
        dropped = set(self._special.values()) - {self.word_delimiter_token} if skip_special_tokens else set()
        tokens = (self._tokens.get(number, unknown) for number in range(self.vocab_size if size is None else size))
        written = (None if token in {blank, *dropped} else self._written(token) for token in tokens)
        return Alphabet(written, space=self.replace_word_delimiter_char, lower=self.do_lower_case)

    def _written(self, token: str) -> str:
        return self.replace_word_delimiter_char if token == self.word_delimiter_token else token

    @classmethod
    def from_pretrained(cls, dir_or_id: str | os.PathLike[str]) -> Self:
        """Read `vocab.json` and `tokenizer_config.json`.

        Raises:
            CheckpointError: `vocab.json` is missing or is no vocabulary.
        """
        from speechgraft.checkpoint.hub import SETTINGS_FILES, locate

        folder = Path(locate(dir_or_id, files=SETTINGS_FILES))
        settings = read_settings(folder)
        own = ("word_delimiter_token", "replace_word_delimiter_char", "do_lower_case")
        try:
            return cls(
                read_json(folder / _FILE),
                special_tokens(settings, folder / CONFIG_FILE),
                added=_read_added(folder, settings),
                settings=settings,
                **{name: settings[name] for name in own if name in settings},
            )
        except InputError as error:
            raise CheckpointError(f"{folder / _FILE}: {error}") from None

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `vocab.json`, `tokenizer_config.json` and, where there are any, `added_tokens.json` into a folder."""
        folder = Path(folder)
        write_json(folder / _FILE, self.vocabulary)
        if self._added:
            write_json(folder / _ADDED_FILE, self._added)
        write_json(folder / CONFIG_FILE, {"tokenizer_class": "Wav2Vec2CTCTokenizer", **self.settings, **self._stated()})

    def _stated(self) -> dict[str, Any]:
        specials = {f"{role}_token": token for role, token in self._special.items()}
        return {
            **specials,
            "word_delimiter_token": self.word_delimiter_token,
            "replace_word_delimiter_char": self.replace_word_delimiter_char,
            "do_lower_case": self.do_lower_case,
        }


def _check_vocabulary(vocabulary: Mapping[str, Any]) -> None:
    if not vocabulary:
        raise InputError("the vocabulary is empty")
    if all(isinstance(value, Mapping) for value in vocabulary.values()):
        languages = ", ".join(sorted(vocabulary)[:5])
        raise InputError(f"one vocabulary for each language ({languages}, ...), expected the vocabulary of one")
    taken: dict[int, str] = {}
    for token, number in vocabulary.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise InputError(f"the token {token!r} has the id {number!r}, expected an integer from 0 on")
        if number in taken:
            raise InputError(f"the tokens {taken[number]!r} and {token!r} have the same id {number}")
        taken[number] = token


def _read_added(folder: Path, settings: Mapping[str, Any]) -> dict[str, int]:
    found = added_tokens(settings, folder / CONFIG_FILE)
    if (folder / _ADDED_FILE).exists():
        found.update(read_json(folder / _ADDED_FILE))
        _check_vocabulary(found or {"": 0})
    return found


def _any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    # Spaces beside a token of several characters belong to it.
    return (
        re.compile(rf"(\s*(?:{'|'.join(map(re.escape, longest_first))})\s*)") if longest_first else re.compile("(?!)")
    )
