"""Word, subword and character tokenizers, run by the `tokenizers` library."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

from speechgraft.errors import CheckpointError, InputError
from speechgraft.json_files import write_json, write_text
from speechgraft.text.contract import TextTokenizer, id_list
from speechgraft.text.settings import CONFIG_FILE, read_settings, special_tokens
from speechgraft.text.vocabularies import read_bpe, read_wordpiece

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


@final
class Tokenizer(TextTokenizer):
    """A tokenizer of the `tokenizers` library with the roles of its special tokens.

    Args:
        backend: What does the work.
        special_tokens: The token of each role (`pad`, `bos`, ...); guessed from usual spellings where not given.
        settings: Further contents of `tokenizer_config.json`, kept and written back.

    Raises:
        InputError: A special token is not in the vocabulary.
    """

    def __init__(
        self,
        backend: Backend,
        special_tokens: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.backend = backend
        self.settings = dict(settings or {})
        self._special = _usual_specials(backend) if special_tokens is None else dict(special_tokens)
        for role, token in self._special.items():
            if backend.token_to_id(token) is None:
                raise InputError(f"the {role} token {token!r} is not in the vocabulary")

    @property
    def vocab_size(self) -> int:
        """One more than the largest token id, added tokens included."""
        return max(self.backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    @property
    def special_tokens(self) -> dict[str, str]:
        """The token of each role that there is one for."""
        return dict(self._special)

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, `None` where it has none."""
        return self.backend.token_to_id(token)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Token ids of a text; by default with its model's start and end tokens around it."""
        return list(self.backend.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """The text of token ids. Ids beyond the vocabulary, which a wider model can give, have no text.

        Raises:
            InputError: An id is negative or no integer.
        """
        return self.backend.decode(id_list(ids), skip_special_tokens=skip_special_tokens).strip()

    def settled(self, ids: Iterable[int]) -> str:
        """The beginning of `decode(ids)` that no further token can change.

        Of pieces whose joint is not seen before the next (`##`), all but the last word; else all but a character
        whose last bytes are to come.

        Raises:
            InputError: An id is negative or no integer.
        """
        if not self._appends:
            return super().settled(ids)
        whole = id_list(ids)
        # Bytes that stand for themselves are written together: one more can undo those before.
        while whole and _BYTE.fullmatch(self.backend.id_to_token(whole[-1]) or ""):
            whole.pop()
        return self.decode(whole).rstrip(_HALF).rstrip()  # a space may be the last of the text, and left out

    @cached_property
    def _appends(self) -> bool:
        """Whether each token adds to the text and leaves what stands."""
        decoder = self.backend.decoder
        return decoder is None or _decoders(json.loads(decoder.__getstate__())) <= _APPENDING

    @classmethod
    def from_pretrained(cls, dir_or_id: str | os.PathLike[str]) -> Self:
        """Read `tokenizer.json`, a WordPiece `vocab.txt`, or a byte-level BPE `vocab.json` with `merges.txt`.

        Raises:
            CheckpointError: There is none of them, or one cannot be read.
        """
        from speechgraft.checkpoint.hub import SETTINGS_FILES, locate

        folder = Path(locate(dir_or_id, files=SETTINGS_FILES))
        settings = read_settings(folder)
        backend = _read_backend(folder, settings)
        specials = special_tokens(settings, folder / CONFIG_FILE)
        try:
            return cls(backend, specials or None, settings)
        except InputError as error:
            raise CheckpointError(f"{folder}: {error}") from None

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json` into a folder, which is made if it is not there."""
        write_text(Path(folder) / _FILE, json.dumps(json.loads(self.backend.to_str()), ensure_ascii=False, indent=1))
        specials = {f"{role}_token": token for role, token in self._special.items()}
        write_json(
            Path(folder) / CONFIG_FILE, {"tokenizer_class": "PreTrainedTokenizerFast", **self.settings, **specials}
        )


def _read_backend(folder: Path, settings: Mapping[str, Any]) -> Backend:
    if (folder / _FILE).exists():
        return _from_json(folder / _FILE)
    if (folder / "vocab.txt").exists():
        return read_wordpiece(folder / "vocab.txt", settings)
    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        return read_bpe(folder / "vocab.json", folder / "merges.txt")
    raise CheckpointError(f"{folder}: no tokenizer here, expected {_FILE}, vocab.txt, or vocab.json with merges.txt")


def _from_json(path: Path) -> Backend:
    from tokenizers import Tokenizer as Backend

    try:
        return Backend.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise CheckpointError(f"{path}: not a tokenizer ({error})") from None


def _usual_specials(backend: Backend) -> dict[str, str]:
    special = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    found = {role: next((t for t in spellings if t in special), None) for role, spellings in _USUAL_SPELLINGS.items()}
    return {role: token for role, token in found.items() if token is not None}


def _decoders(described: Mapping[str, Any]) -> set[str]:
    """The kinds of decoders that one is made of."""
    if described["type"] == "Sequence":
        return {kind for part in described["decoders"] for kind in _decoders(part)}
    return {described["type"]}
