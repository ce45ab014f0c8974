"""Spaces that English does without."""

from __future__ import annotations

_SPACES = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def without_spaces(text: str) -> str:
    """A text without spaces before punctuation and shortened words: what `clean_up_tokenization_spaces` asks for.

    >>> without_spaces("it 's so , is n't it ?")
    "it's so, isn't it?"
    """
    for before, after in _SPACES:
        text = text.replace(before, after)
    return text
