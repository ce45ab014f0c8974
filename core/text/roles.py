"""Special tokens by what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from speechgraft.text.contract import TextTokenizer

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""What a special token can be for, in the order in which those that a vocabulary lacks are added to it."""


class RoleToken:
    """The spelling of the special token of a role as an attribute of a tokenizer: `tokenizer.pad_token`.

    Args:
        role: One of `ROLES`.
    """

    def __init__(self, role: str) -> None:
        self.role = role

    @overload
    def __get__(self, tokenizer: None, owner: Any) -> RoleToken: ...
    @overload
    def __get__(self, tokenizer: TextTokenizer, owner: Any) -> str | None: ...
    def __get__(self, tokenizer: TextTokenizer | None, owner: Any) -> RoleToken | str | None:
        return self if tokenizer is None else tokenizer.special_tokens.get(self.role)

    def __set__(self, tokenizer: TextTokenizer, token: str | None) -> None:
        tokenizer.set_special_token(self.role, token)


class RoleId:
    """The id of the special token of a role as an attribute of a tokenizer: `tokenizer.pad_token_id`.

    Args:
        role: One of `ROLES`.
    """

    def __init__(self, role: str) -> None:
        self.role = role

    @overload
    def __get__(self, tokenizer: None, owner: Any) -> RoleId: ...
    @overload
    def __get__(self, tokenizer: TextTokenizer, owner: Any) -> int | None: ...
    def __get__(self, tokenizer: TextTokenizer | None, owner: Any) -> RoleId | int | None:
        return self if tokenizer is None else tokenizer.special_id(self.role)

    def __set__(self, tokenizer: TextTokenizer, number: int | None) -> None:
        tokenizer.set_special_id(self.role, number)
