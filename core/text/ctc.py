"""The character vocabulary of CTC models, with their rule for reading frames."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

from speechgraft.checkpoint.atomic import replacing
from speechgraft.checkpoint.place import check_known, place_and_rest
from speechgraft.errors import CheckpointError, InputError, did_you_mean
from speechgraft.json_files import VOCABULARY_SIZE, read_json, write_json
from speechgraft.text.alphabet import Alphabet
from speechgraft.text.contract import id_list
from speechgraft.text.families import OPTIONS
from speechgraft.text.offsets import CTCText, Frames
from speechgraft.text.published import PretrainedTokenizer
from speechgraft.text.settings import ADDED_FILE, CONFIG_FILE, OLDER_FILES, read_added, read_settings, special_tokens
from speechgraft.text.spaces import without_spaces

_FILE = "vocab.json"
_LARGEST_ID = 1 << 31
_DEFAULTS = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}
_OWN = ("word_delimiter_token", "replace_word_delimiter_char", "do_lower_case")


@final
class CTCTokenizer(PretrainedTokenizer):
    """Characters (and tokens of several characters) with a word delimiter; the `pad` token is the blank.

    Special tokens that the vocabulary lacks get the ids after its last, in the order bos, eos, unk, pad, and
    `vocab_size` counts them: name all four in the vocabulary where its size is to be the model's.

    Its published name is `Wav2Vec2CTCTokenizer`, under which it is made of a file and tokens by their roles:
    `Wav2Vec2CTCTokenizer("vocab.json", unk_token="[UNK]", pad_token="[PAD]", word_delimiter_token="|")`.

    Args:
        vocab_file: Token to id, or the file of such a vocabulary; with `target_lang` one for each language.
        special_tokens: Overrides `<s>`, `</s>`, `<unk>` and `<pad>` for the roles bos, eos, unk and pad.
        added: Further tokens with their ids.
        word_delimiter_token: What stands for a space in the vocabulary.
        replace_word_delimiter_char: What the delimiter is written as.
        do_lower_case: Whether the vocabulary is in upper case and the text in lower case.
        target_lang: The language whose vocabulary is read and written.
        settings: Further contents of `tokenizer_config.json`, kept and written back.
        **further: More of such contents: special tokens such as `unk_token`, `padding_side`, `model_max_length`, ...

    Raises:
        InputError: The vocabulary is empty, gives one id twice, or gives an id that is no integer; there is one for
            each language, and none of `target_lang`.
        CheckpointError: The file cannot be read.
    """

    def __init__(
        self,
        vocab_file: Mapping[str, Any] | str | os.PathLike[str],
        special_tokens: Mapping[str, str] | None = None,
        *,
        added: Mapping[str, int] | None = None,
        word_delimiter_token: str = "|",
        replace_word_delimiter_char: str = " ",
        do_lower_case: bool = False,
        target_lang: str | None = None,
        settings: Mapping[str, Any] | None = None,
        **further: Any,
    ) -> None:
        vocabulary = vocab_file if isinstance(vocab_file, Mapping) else read_json(Path(vocab_file), VOCABULARY_SIZE)
        stated = {**(settings or {}), **_checked(further)}
        super().__init__({**_DEFAULTS, **_roles(further), **(special_tokens or {})}, stated)
        self._languages = dict(vocabulary) if target_lang is not None else None
        self.target_lang = target_lang
        self.vocabulary = _of_language(vocabulary, target_lang)
        self.word_delimiter_token = _text(word_delimiter_token, "word_delimiter_token")
        self.replace_word_delimiter_char = _text(replace_word_delimiter_char, "replace_word_delimiter_char")
        self.do_lower_case = bool(do_lower_case)
        self._added = self._completed(added or {})
        self._index()

    def _index(self) -> None:
        """Look up ids and long tokens anew."""
        # Where an id is claimed twice, the vocabulary's token keeps it.
        self._tokens = {number: token for token, number in {**self._added, **self.vocabulary}.items()}
        self._long_tokens = _any_of(t for t in {**self.vocabulary, **self._added} if len(t) > 1 or t in self._added)
        self._size = max(self._tokens) + 1

    def _completed(self, added: Mapping[str, int]) -> dict[str, int]:
        added = {token: number for token, number in added.items() if token not in self.vocabulary}
        for token in self._special.values():
            if token not in self.vocabulary and token not in added:
                added[token] = max((*self.vocabulary.values(), *added.values())) + 1
        return added

    def _add(self, tokens: Sequence[Any], special: bool) -> int:
        before = len(self._added)
        for token in tokens:
            spelling = str(getattr(token, "content", token))
            if self.token_to_id(spelling) is None:
                self._added[spelling] = self._size + len(self._added) - before
        self._index()
        return len(self._added) - before

    def set_target_lang(self, target_lang: str) -> None:
        """Read and write another of the languages that the vocabulary has.

        Raises:
            InputError: It has no such language, or only one without a name.
        """
        if self._languages is None:
            raise InputError("the vocabulary is of one language: there is none to choose")
        self.vocabulary = _of_language(self._languages, target_lang)
        self.target_lang = target_lang
        self._added = self._completed({})
        self._index()

    @property
    def word_delimiter_token_id(self) -> int | None:
        """The id of what stands for a space."""
        return self.token_to_id(self.word_delimiter_token)

    @property
    def vocab_size(self) -> int:
        """One more than the largest token id, added tokens included."""
        return self._size

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return {**self.vocabulary, **self._added}

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, `None` where it has none."""
        return self.vocabulary.get(token, self._added.get(token))

    def id_to_token(self, number: int) -> str | None:
        """The token of an id, `None` where there is none."""
        return self._tokens.get(number)

    def encode(self, text: str, add_special_tokens: bool = True, **options: Any) -> Any:
        """The id of each character, of the delimiter for each space, of `unk` for what is not in the vocabulary.

        Nothing is put around the text: a CTC model has no start and no end.

        Args:
            text: The text.
            add_special_tokens: Whether special tokens are put around it, of which there are none.
            **options: Fields of `CallOptions`, where a call is to cut or pad, or to give tensors.

        Raises:
            InputError: A character is not in the vocabulary, and neither is `unk`, so that no model has a score for it.
        """
        if options:
            return self(text, add_special_tokens=add_special_tokens, **options)["input_ids"]
        unknown = self.vocabulary.get(self._special.get("unk", ""))
        ids: list[int] = []
        for token in self._split(text):
            found = self.token_to_id(token)
            number = unknown if found is None else found
            if number is None:
                raise InputError(
                    f"{token!r} is not in the vocabulary, and it has no unknown token ({self.unk_token!r})"
                )
            ids.append(number)
        return ids

    def _split(self, text: str) -> list[str]:
        pieces = self._long_tokens.split(text)
        for place in range(1, len(pieces), 2):
            if pieces[place] in self.vocabulary:  # spaces beside a token of several characters belong to it
                pieces[place - 1] = pieces[place - 1].rstrip()
                pieces[place + 1] = pieces[place + 1].lstrip()
        tokens: list[str] = []
        for place, piece in enumerate(pieces):
            if place % 2:
                tokens.append(piece)
            else:
                cased = piece.upper() if self.do_lower_case else piece
                tokens.extend(cased.replace(" ", self.word_delimiter_token))
        return tokens

    def decode(
        self,
        ids: Any,
        skip_special_tokens: bool = False,
        group_tokens: bool = True,
        *,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = False,
        output_char_offsets: bool = False,
        output_word_offsets: bool = False,
    ) -> Any:
        """The text that frames spell: equal neighbours count once, blanks are dropped.

        Args:
            ids: The best token of each frame.
            skip_special_tokens: Leave out special tokens other than the blank and the word delimiter. A blank
                separates equal neighbours either way.
            group_tokens: Whether equal neighbours count once; false for ids that `encode` gave.
            clean_up_tokenization_spaces: Whether spaces before punctuation are taken out; by default what
                `tokenizer_config.json` says.
            spaces_between_special_tokens: Whether a space stands between all tokens.
            output_char_offsets: Whether to tell the frames of each character.
            output_word_offsets: Whether to tell the frames of each word.

        Returns:
            The text, or where offsets are asked for a `CTCText`.

        Raises:
            InputError: An id is negative or no integer.

        Graves et al. 2006, "Connectionist temporal classification", section 3.1.
        """
        frames = self._frames(id_list(ids), skip_special_tokens, group_tokens)
        text = (" " if spaces_between_special_tokens else "").join(frames.characters).strip()
        text = text.lower() if self.do_lower_case else text
        cleans = self.settings.get("clean_up_tokenization_spaces", False)
        if cleans if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces:
            text = without_spaces(text)
        if not (output_char_offsets or output_word_offsets):
            return text
        return CTCText(
            text=text,
            char_offsets=frames.char_offsets() if output_char_offsets else None,
            word_offsets=frames.word_offsets(self.replace_word_delimiter_char) if output_word_offsets else None,
        )

    def _frames(self, ids: list[int], skips: bool, groups: bool) -> Frames:
        """What is written, and in which frames."""
        blank, unknown = self._special.get("pad"), self._special.get("unk", "")
        dropped = set(self.all_special_tokens) - {blank, self.word_delimiter_token} if skips else set()
        tokens = (self._tokens.get(number, unknown) for number in ids)
        kept = ((place, token) for place, token in enumerate(tokens) if token not in dropped)
        return Frames.of(kept, blank=blank, written=self._written, groups=groups)

    def batch_decode(self, batch: Iterable[Iterable[int]], skip_special_tokens: bool = False, **options: Any) -> Any:
        """The text of each row of frames; where offsets are asked for, one `CTCText` of lists.

        Args:
            batch: Rows of the best token of each frame.
            skip_special_tokens: As in `decode`.
            **options: As `decode` takes them.
        """
        rows = [self.decode(ids, skip_special_tokens, **options) for ids in batch]
        if not (options.get("output_char_offsets") or options.get("output_word_offsets")):
            return rows
        return CTCText({name: [row[name] for row in rows] for name in ("text", "char_offsets", "word_offsets")})

    def alphabet(self, size: int | None = None, skip_special_tokens: bool = True) -> Alphabet:
        """What each token is written as, for what reads scores by itself (see `speechgraft.ctc`).

        Args:
            size: How many scores the model gives for a frame; by default `vocab_size`. What the vocabulary lacks
                is read as `unk`.
            skip_special_tokens: As in `decode`.

        Raises:
            InputError: `size` is not positive.
        """
        blank, unknown = self._special.get("pad"), self._special.get("unk", "")
        dropped = set(self.all_special_tokens) - {self.word_delimiter_token} if skip_special_tokens else set()
        tokens = (self._tokens.get(number, unknown) for number in range(self.vocab_size if size is None else size))
        written = (None if token in {blank, *dropped} else self._written(token) for token in tokens)
        return Alphabet(written, space=self.replace_word_delimiter_char, lower=self.do_lower_case)

    def _written(self, token: str) -> str:
        return self.replace_word_delimiter_char if token == self.word_delimiter_token else token

    @classmethod
    def from_pretrained(cls, dir_or_id: str | os.PathLike[str], **options: Any) -> Self:
        """Read `vocab.json` and `tokenizer_config.json`.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in
                place of those of the file, such as `target_lang` or `pad_token`.

        Raises:
            CheckpointError: `vocab.json` is missing or is no vocabulary.
            RoutingError: An option is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        check_known(settings, (*OPTIONS, *_OWN, "target_lang"))
        return cls.read(folder, {**read_settings(folder), **settings})

    @classmethod
    def read(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """The tokenizer of a folder, with the contents of its `tokenizer_config.json`.

        Raises:
            CheckpointError: A file is missing or broken.
        """
        added = {token.content: number for number, token in read_added(folder, settings).items()}
        own = {name: settings[name] for name in (*_OWN, "target_lang") if name in settings}
        roles = special_tokens(settings, folder / CONFIG_FILE)
        try:
            return cls(read_json(folder / _FILE, VOCABULARY_SIZE), roles, added=added, settings=settings, **own)
        except InputError as error:
            raise CheckpointError(f"{folder / _FILE}: {error}") from None

    def save_pretrained(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """Write the vocabulary, what there is besides it and the settings into a folder, made if it is not there.

        Returns:
            The files.
        """
        folder = Path(folder)
        files = [folder / _FILE, folder / CONFIG_FILE]
        with replacing(folder, without=OLDER_FILES) as new:
            write_json(new / _FILE, self.vocabulary if self._languages is None else self._languages)
            if self._added:
                write_json(new / ADDED_FILE, self._added)
                files.append(folder / ADDED_FILE)
            write_json(new / CONFIG_FILE, {"tokenizer_class": "Wav2Vec2CTCTokenizer", **self._stated(), **self._own()})
        return tuple(map(str, files))

    def _own(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in _OWN}
        return own if self.target_lang is None else {**own, "target_lang": self.target_lang}


def _checked(further: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in further:
        if name not in (*OPTIONS, "return_attention_mask", "do_normalize"):
            raise InputError(f"a CTC tokenizer has no setting {name!r}{did_you_mean(name, [*OPTIONS, *_OWN])}")
    return further


def _roles(further: Mapping[str, Any]) -> dict[str, str]:
    return special_tokens(further, "the settings of a CTC tokenizer")


def _of_language(vocabulary: Mapping[str, Any], target_lang: str | None) -> dict[str, int]:
    nested = bool(vocabulary) and all(isinstance(value, Mapping) for value in vocabulary.values())
    if nested and target_lang is None:
        languages = ", ".join(sorted(vocabulary)[:5])
        raise InputError(f"one vocabulary for each language ({languages}, ...): choose one, target_lang='...'")
    if target_lang is not None:
        if not nested:
            raise InputError(f"target_lang={target_lang!r}, but the vocabulary is of one language")
        if target_lang not in vocabulary:
            raise InputError(f"no language {target_lang!r}{did_you_mean(str(target_lang), vocabulary)}")
        vocabulary = vocabulary[target_lang]
    _check_vocabulary(vocabulary)
    return dict(vocabulary)


def _check_vocabulary(vocabulary: Mapping[str, Any]) -> None:
    if not vocabulary:
        raise InputError("the vocabulary is empty")
    taken: dict[int, str] = {}
    for token, number in vocabulary.items():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _LARGEST_ID:
            raise InputError(f"the token {token!r} has the id {number!r}, expected an integer from 0 on")
        if number in taken:
            raise InputError(f"the tokens {taken[number]!r} and {token!r} have the same id {number}")
        taken[number] = token


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name}: {value!r}, expected a string")
    return value


def _any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted((token for token in tokens if token), key=lambda token: (-len(token), token))
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})") if longest_first else re.compile("((?!))")
