"""What tokenizers of published checkpoints have in common: roles that can be given away, tokens that can be added."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from speechgraft.errors import InputError, did_you_mean
from speechgraft.text.contract import TextTokenizer, id_list
from speechgraft.text.roles import ROLES
from speechgraft.text.settings import CALL_SETTINGS, EXTRA_KEYS, call_settings, extra_tokens

_EXTRA, _OLDER = EXTRA_KEYS


class PretrainedTokenizer(TextTokenizer):
    """A tokenizer of published files, under the published names of what it can do.

    Args:
        special_tokens: The token of each role.
        settings: The contents of `tokenizer_config.json`: what nothing here reads is kept and written back.

    Raises:
        InputError: A setting is impossible.
    """

    def __init__(self, special_tokens: Mapping[str, str], settings: Mapping[str, Any] | None = None) -> None:
        self.settings = {name: value for name, value in (settings or {}).items() if name not in EXTRA_KEYS}
        self._special = dict(special_tokens)
        self.extra_special_tokens = extra_tokens(settings or {})
        for name, value in call_settings(self.settings, "the settings of the tokenizer").items():
            setattr(self, name, value)

    @property
    def special_tokens(self) -> dict[str, str]:
        """The token of each role that there is one for."""
        return dict(self._special)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """The token of each role under its published name, such as `pad_token`."""
        return {f"{role}_token": self._special[role] for role in ROLES if role in self._special}

    @property
    def all_special_tokens(self) -> list[str]:
        """Each special token once: those of the roles, then `extra_special_tokens`."""
        named = (self._special[role] for role in ROLES if role in self._special)
        return list(dict.fromkeys([*named, *self.extra_special_tokens]))

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens`."""
        ids: list[int] = self.convert_tokens_to_ids(self.all_special_tokens)
        return ids

    def set_special_token(self, role: str, token: str | None) -> None:
        """Give a role another token of the vocabulary, or none.

        Raises:
            InputError: It is not in the vocabulary.
        """
        if token is None:
            self._special.pop(role, None)
            return
        if not isinstance(token, str) or self.token_to_id(token) is None:
            raise InputError(
                f"the {role} token {token!r} is not in the vocabulary: "
                f"`add_special_tokens({{'{role}_token': {token!r}}})` adds it"
            )
        self._special[role] = token

    def set_special_id(self, role: str, number: int | None) -> None:
        """Give a role another token of the vocabulary by its id, or none.

        Raises:
            InputError: There is no such token.
        """
        token = None if number is None else self.id_to_token(number)
        if number is not None and token is None:
            raise InputError(f"{role}_token_id={number!r}: the vocabulary has no such token")
        self.set_special_token(role, token)

    is_fast: ClassVar[bool] = False
    """Whether encodings tell offsets and words, as published tokenizers say by this name."""

    @property
    def vocab(self) -> dict[str, int]:
        """`get_vocab()`."""
        return self.get_vocab()

    @abstractmethod
    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""

    @abstractmethod
    def id_to_token(self, number: int) -> str | None:
        """The token of an id as the vocabulary spells it, `None` where there is none."""

    @abstractmethod
    def _add(self, tokens: Sequence[Any], special: bool) -> int:
        """Put tokens behind the vocabulary that it has not, and say how many these were."""

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or the tokens of several, as the vocabulary spells them.

        Raises:
            InputError: An id is negative or no integer.
        """
        if isinstance(ids, int):
            return self.id_to_token(id_list([ids])[0])
        left_out = set(self.all_special_ids) if skip_special_tokens else set()
        return [self.id_to_token(number) for number in id_list(ids) if number not in left_out]

    def tokenize(self, text: str, add_special_tokens: bool = False) -> list[str]:
        """The tokens of a text as the vocabulary spells them."""
        tokens: list[str] = self.convert_ids_to_tokens(self.encode(text, add_special_tokens))
        return tokens

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Put tokens behind the vocabulary that it has not; a model's embeddings are to be resized to `len(tokenizer)`.

        Args:
            new_tokens: A string or `tokenizers.AddedToken`, or several.
            special_tokens: Whether decoding can leave them out.

        Returns:
            How many are new.

        Raises:
            InputError: One is no string, or empty.
        """
        tokens = list(new_tokens) if isinstance(new_tokens, list | tuple) else [new_tokens]
        for token in tokens:
            content = getattr(token, "content", token)
            if not isinstance(content, str) or not content:
                raise InputError(f"the new token {token!r}: expected a string that is not empty")
        return self._add(tokens, special_tokens)

    def add_special_tokens(self, special_tokens_dict: Mapping[str, Any]) -> int:
        """Give roles tokens, which are put behind the vocabulary where it has them not.

        Args:
            special_tokens_dict: Tokens by `bos_token`, `eos_token`, `unk_token`, `sep_token`, `pad_token`,
                `cls_token`, `mask_token`; `extra_special_tokens`, also called `additional_special_tokens`, is a list.

        Returns:
            How many are new.

        Raises:
            InputError: A name is unknown, or a token is no string.
        """
        roles = {f"{role}_token": role for role in ROLES}
        added = 0
        for name, value in special_tokens_dict.items():
            if name not in roles and name not in EXTRA_KEYS:
                raise InputError(f"no special token is called {name!r}{did_you_mean(name, [*roles, _EXTRA])}")
            tokens = list(value) if name in EXTRA_KEYS else [value]
            added += self.add_tokens(tokens, special_tokens=True)
            spelt = [str(getattr(token, "content", token)) for token in tokens]
            if name in roles:
                self._special[roles[name]] = spelt[0]
            else:
                self.extra_special_tokens = spelt
        return added

    def _stated(self) -> dict[str, Any]:
        """What `tokenizer_config.json` says of all this."""
        roles = {f"{role}_token" for role in ROLES}
        # What is added is written elsewhere, from where it is read.
        kept = {name: value for name, value in self.settings.items() if name not in (*roles, "added_tokens_decoder")}
        stated = {**kept, **self.special_tokens_map}
        for name, default in CALL_SETTINGS.items():
            value = getattr(self, name)
            stated.pop(name, None)
            if value is not None and (value != default or name in self.settings):
                stated[name] = list(value) if isinstance(value, tuple) else value
        if self.extra_special_tokens:
            stated[_OLDER] = list(self.extra_special_tokens)
        return stated


def rows_of(ids: Any) -> list[list[int]] | None:
    """Rows of ids, where they are rows; `None` for those of one text."""
    values: Iterable[Any] = ids.tolist() if hasattr(ids, "tolist") else ids
    if isinstance(values, list | tuple) and values and (isinstance(values[0], list | tuple) or _has_axis(values[0])):
        return [id_list(row) for row in values]
    return None


def _has_axis(value: Any) -> bool:
    return bool(getattr(value, "ndim", 0))
