"""Word, subword and character tokenizers, run by the `tokenizers` library."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from speechgraft.checkpoint.atomic import replacing
from speechgraft.checkpoint.place import check_known, place_and_rest
from speechgraft.errors import CheckpointError, InputError
from speechgraft.json_files import write_json, write_text
from speechgraft.text.backend import Bare, encode_items, guarded, read_backend
from speechgraft.text.calls import Lengths
from speechgraft.text.contract import id_list, without_last_words
from speechgraft.text.encoding import CallOptions, Item, Rows
from speechgraft.text.families import GENERIC, Family
from speechgraft.text.published import PretrainedTokenizer, rows_of
from speechgraft.text.roles import ROLES
from speechgraft.text.settings import (
    CONFIG_FILE,
    OLDER_FILES,
    extra_tokens,
    read_added,
    read_settings,
    special_tokens,
)
from speechgraft.text.spaces import without_spaces

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

_FILE = "tokenizer.json"

# What decoding writes for bytes that are no character, or not yet one.
_HALF = "\ufffd"

_BYTE = re.compile("<0x[0-9A-F]{2}>")

# Decoders under which a text grows at its end alone.
_APPENDING = {"ByteLevel", "Metaspace", "ByteFallback", "Fuse", "Replace", "Strip", "BPEDecoder"}

# What special tokens are for in files that say only that they are special.
_USUAL_SPELLINGS = {
    "pad": ("[PAD]", "<pad>"),
    "bos": ("[BOS]", "<s>", "<|endoftext|>"),
    "eos": ("[EOS]", "</s>", "<|endoftext|>"),
    "unk": ("[UNK]", "<unk>", "<|endoftext|>"),
    "cls": ("[CLS]",),
    "sep": ("[SEP]",),
    "mask": ("[MASK]", "<mask>"),
}


class Tokenizer(PretrainedTokenizer):
    """A tokenizer of the `tokenizers` library with the roles of its special tokens.

    Args:
        backend: What does the work.
        special_tokens: The token of each role (`pad`, `bos`, ...); guessed from usual spellings where not given.
        settings: The contents of `tokenizer_config.json`; what nothing reads is kept and written back.

    Raises:
        InputError: A special token is not in the vocabulary.
    """

    is_fast = True
    FAMILY: ClassVar[Family] = GENERIC
    """What tokenizers of this class are made of where files do not say."""

    def __init__(
        self,
        backend: Backend,
        special_tokens: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.backend = backend
        self._bare = Bare(backend)
        super().__init__(
            _usual_specials(backend) if special_tokens is None else special_tokens,
            {"model_input_names": list(self.FAMILY.model_input_names), **(settings or {})},
        )
        for role, token in self._special.items():
            if backend.token_to_id(token) is None:
                raise InputError(f"the {role} token {token!r} is not in the vocabulary")

    @property
    def vocab_size(self) -> int:
        """One more than the largest token id, added tokens included."""
        return max(self.backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return dict(self.backend.get_vocab(with_added_tokens=True))

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, `None` where it has none."""
        return self.backend.token_to_id(token)

    def id_to_token(self, number: int) -> str | None:
        """The token of an id, `None` where there is none."""
        return self.backend.id_to_token(number)

    def _add(self, tokens: Sequence[Any], special: bool) -> int:
        add = self.backend.add_special_tokens if special else self.backend.add_tokens
        return add(list(tokens))

    def encode(self, text: str, add_special_tokens: bool = True, **options: Any) -> Any:
        """Token ids of a text; by default with its model's start and end tokens around it.

        Args:
            text: The text.
            add_special_tokens: Whether special tokens are put around it.
            **options: Fields of `CallOptions`, where a call is to cut or pad, or to give tensors.

        Raises:
            InputError: The vocabulary cannot write the text.
        """
        if options:
            return self(text, add_special_tokens=add_special_tokens, **options)["input_ids"]
        with guarded("the text cannot be encoded", InputError):
            return list(self.backend.encode(text, add_special_tokens=add_special_tokens).ids)

    def rows(self, items: Sequence[Item], options: CallOptions, lengths: Lengths) -> Rows:
        """Texts and pairs as rows of ids, cut as `lengths` says.

        Raises:
            InputError: The vocabulary cannot write a text, or special tokens alone are too many.
        """
        return encode_items(self.backend, self._bare, items, options, lengths, self.truncation_side)

    def decode(
        self, ids: Any, skip_special_tokens: bool = False, *, clean_up_tokenization_spaces: bool | None = None
    ) -> Any:
        """The text of token ids. Ids beyond the vocabulary, which a wider model can give, have no text.

        Args:
            ids: Those of one text, or rows of them, which give a list.
            skip_special_tokens: Whether special tokens are left out.
            clean_up_tokenization_spaces: Whether spaces before punctuation are taken out, in vocabularies without
                byte pairs; by default what `tokenizer_config.json` says.

        Raises:
            InputError: An id is negative or no integer.
        """
        cleans = self._cleans if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        rows = rows_of(ids)
        if rows is None:
            return self._text(id_list(ids), skip_special_tokens, cleans)
        return [self._text(row, skip_special_tokens, cleans) for row in rows]

    def _text(self, ids: list[int], skips: bool, cleans: bool) -> str:
        with guarded("the tokens cannot be decoded", InputError):
            text = self.backend.decode(ids, skip_special_tokens=skips)
        # In vocabularies of byte pairs spaces are part of tokens: those before punctuation were meant.
        return without_spaces(text) if cleans and type(self.backend.model).__name__ != "BPE" else text

    @property
    def _cleans(self) -> bool:
        return bool(self.settings.get("clean_up_tokenization_spaces", False))

    def settled(self, ids: Iterable[int]) -> str:
        """The beginning of `text(ids)` that no further token can change.

        Of pieces whose joint is not seen before the next (`##`), all but the last word, and where spaces are taken
        out, all but the last three ("do n ' t"); else all but a character whose last bytes are to come.

        Raises:
            InputError: An id is negative or no integer.
        """
        if self._cleans:
            return without_last_words(self.text(ids), 3)
        if not self._appends:
            return super().settled(ids)
        whole = id_list(ids)
        # Bytes that stand for themselves are written together: one more can undo those before.
        while whole and _BYTE.fullmatch(self.backend.id_to_token(whole[-1]) or ""):
            whole.pop()
        return self.text(whole).rstrip(_HALF).rstrip()  # a space may be the last of the text, and left out

    @cached_property
    def _appends(self) -> bool:
        """Whether each token adds to the text and leaves what stands."""
        decoder = self.backend.decoder
        return decoder is None or _decoders(json.loads(decoder.__getstate__())) <= _APPENDING

    @classmethod
    def from_pretrained(cls, dir_or_id: str | os.PathLike[str], **options: Any) -> Self:
        """Read `tokenizer.json`, a WordPiece `vocab.txt`, or a byte-level BPE `vocab.json` with `merges.txt`.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in
                place of those of the file, such as `padding_side` or `pad_token`.

        Raises:
            CheckpointError: There is none of them, or one cannot be read.
            RoutingError: An option is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        check_known(settings, cls.FAMILY.options)
        return cls.read(folder, {**read_settings(folder), **settings})

    @classmethod
    def read(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """The tokenizer of a folder, with the contents of its `tokenizer_config.json`.

        Raises:
            CheckpointError: A file is missing or broken.
        """
        family = cls.FAMILY
        source = folder / CONFIG_FILE
        backend = read_backend(folder, settings, family)
        roles = {**family.special_tokens, **special_tokens(settings, source)}
        try:
            with guarded(f"{folder}: its added tokens are none", CheckpointError):
                _add_listed(backend, folder, settings)
                add_missing(backend, roles, settings)
            return cls.made_of(backend, roles or None, settings)
        except InputError as error:
            raise CheckpointError(f"{folder}: {error}") from None

    @classmethod
    def made_of(
        cls, backend: Backend, special_tokens: Mapping[str, str] | None, settings: Mapping[str, Any] | None = None
    ) -> Self:
        """A tokenizer of this class from what does the work, whatever else the class can be made of.

        Raises:
            InputError: A special token is not in the vocabulary.
        """
        made = cls.__new__(cls)
        Tokenizer.__init__(made, backend, special_tokens, settings)
        return made

    def save_pretrained(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """Write `tokenizer.json` and what its special tokens and settings are into a folder, made if it is not there.

        Returns:
            The files.
        """
        place = Path(folder)
        with replacing(place, without=OLDER_FILES) as new:
            write_text(new / _FILE, json.dumps(json.loads(self.backend.to_str()), ensure_ascii=False, indent=1))
            write_json(new / CONFIG_FILE, {"tokenizer_class": self.FAMILY.name, **self._stated()})
        return str(place / _FILE), str(place / CONFIG_FILE)


def _add_listed(backend: Backend, folder: Path, settings: Mapping[str, Any]) -> None:
    """Put behind the vocabulary what its files name besides it, at the ids that they name."""
    from tokenizers import AddedToken

    for number, token in sorted(read_added(folder, settings).items()):
        if token.content and token.content not in _added(backend):
            backend.add_tokens([AddedToken(token.content, **token.flags)])
        if token.content and backend.token_to_id(token.content) != number:
            raise CheckpointError(
                f"{folder}: the added token {token.content!r} should have the id {number}, but the vocabulary "
                f"gives it {backend.token_to_id(token.content)}"
            )


def add_missing(backend: Backend, roles: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    """Put special tokens behind the vocabulary that it has not, in the order of `ROLES`, then those without a role.

    Raises:
        InputError: The settings list what is no token.
    """
    from tokenizers import AddedToken

    named = [roles[role] for role in ROLES if role in roles]
    for spelling in dict.fromkeys([*named, *extra_tokens(settings)]):
        if spelling and spelling not in _added(backend):
            backend.add_special_tokens([AddedToken(spelling, special=True, normalized=False)])


def _added(backend: Backend) -> set[str]:
    return {token.content for token in backend.get_added_tokens_decoder().values()}


def _usual_specials(backend: Backend) -> dict[str, str]:
    special = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    found = {role: next((t for t in spellings if t in special), None) for role, spellings in _USUAL_SPELLINGS.items()}
    return {role: token for role, token in found.items() if token is not None}


def _decoders(described: Mapping[str, Any]) -> set[str]:
    """The kinds of decoders that one is made of."""
    if described["type"] == "Sequence":
        return {kind for part in described["decoders"] for kind in _decoders(part)}
    return {described["type"]}
