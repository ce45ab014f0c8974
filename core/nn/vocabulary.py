"""Parts with a row for each token: the tables themselves, and another number of rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from speechgraft.errors import InputError
from speechgraft.nn.output import OutputLayer

_NEARNESS = 1e-9
"""Of new rows' covariance to that of the old ones, so that they are nearly their mean (Hewitt 2021)."""

_AT_ONCE = 64
"""New rows that are drawn together."""


class TokenTables(NamedTuple):
    """What has a row for each token."""

    embedding: nn.Embedding | None = None
    """Of those that go in."""

    output: OutputLayer | None = None
    """Of those that come out."""


class Vocabulary:
    """What a part with token embeddings is asked about them. A part says in `token_tables` which they are.

    Attributes:
        vocab_size: How many tokens there are.
    """

    config: Any
    vocab_size: int | None

    def token_tables(self) -> TokenTables:
        """Its tables; none where a part has none, or does not tell of them."""
        return TokenTables()

    def vocabulary_changed(self) -> None:
        """Called behind a change of `vocab_size`, for a part that has more to say anew than that; none has to."""

    def get_input_embeddings(self) -> nn.Embedding:
        """The table with a row for each token that goes in.

        Raises:
            InputError: There is none.
        """
        embedding = self.token_tables().embedding
        if embedding is None:
            raise InputError(f"{type(self).__name__} has no token embedding")
        return embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Take over the weight of another table of the same size. A tied output layer goes along.

        Raises:
            InputError: There is none here, or the other is of another size.
        """
        own = self.get_input_embeddings()
        own.weight = _of_shape(value.weight, own.weight)

    def get_output_embeddings(self) -> nn.Module | None:
        """What holds the weight that gives logits: the output layer or, where that is tied, the token embedding."""
        embedding, layer = self.token_tables()
        return layer if layer is None or layer.weight is not None else embedding

    def set_output_embeddings(self, new_embeddings: nn.Linear | nn.Embedding) -> None:
        """Take over the weight, and the bias if there is any, of another layer of the same size.

        Raises:
            InputError: There is no output layer, it is tied to the token embedding, or the other is of another size.
        """
        layer = self.token_tables().output
        if layer is None:
            raise InputError(f"{type(self).__name__} has no output layer")
        if layer.weight is None:
            told = "set_input_embeddings sets both; build the model with tie_word_embeddings=False to set one"
            raise InputError(f"the output layer is tied to the token embedding: {told}")
        layer.weight = _of_shape(new_embeddings.weight, layer.weight)
        if layer.bias is not None and isinstance(new_embeddings, nn.Linear) and new_embeddings.bias is not None:
            layer.bias = _of_shape(new_embeddings.bias, layer.bias)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> nn.Embedding:
        """Another number of tokens, in place: rows are added or taken away at the end, of the output layer too.

        The parameters are new ones: an optimizer is made behind this.

        Args:
            new_num_tokens: How many tokens there are to be; `None`: as many as there are.
            pad_to_multiple_of: Of what their number is made a multiple, by more rows.
            mean_resizing: Whether new rows begin near the mean of the old ones, so that the model's probabilities
                hardly change (Hewitt 2021, "Initializing new word embeddings for pretrained language models");
                otherwise as in a new model.

        Returns:
            The token embedding.

        Raises:
            InputError: There are no token embeddings here, or a number is no positive one.
            ConfigError: The config has a token that would be gone.
        """
        embedding = self.get_input_embeddings()
        count = _count(new_num_tokens, embedding.num_embeddings, pad_to_multiple_of)
        if count == embedding.num_embeddings:
            return embedding
        with self.config.unlocked():
            self.config.vocab_size = count
        std = self.config.initializer_range
        embedding.weight = resized(embedding.weight, count, near_mean=mean_resizing, std=std)
        embedding.num_embeddings = count
        layer = self.token_tables().output
        if layer is not None and layer.weight is not None:
            layer.weight = resized(layer.weight, count, near_mean=mean_resizing, std=std)
        if layer is not None and layer.bias is not None:
            layer.bias = resized(layer.bias, count, near_mean=mean_resizing, std=0.0)
        self.vocab_size = count
        self.vocabulary_changed()
        return embedding


@torch.no_grad()
def resized(table: Tensor, count: int, *, near_mean: bool, std: float) -> nn.Parameter:
    """A table with `count` rows: those that were there, and new ones behind them.

    *Shapes:* (rows, ...) to (`count`, ...). New rows are drawn around the mean of the old ones with a trace of their
    covariance, or around zero with `std`.
    """
    kept = table[:count]
    missing = count - len(kept)
    rows = [kept]
    for start in range(0, missing, _AT_ONCE):
        drawn = min(_AT_ONCE, missing - start)
        if near_mean:
            mean = table.mean(dim=0)
            weights = torch.randn(drawn, len(table), dtype=table.dtype, device=table.device)
            spread = (weights @ (table - mean).reshape(len(table), -1)).view(drawn, *table.shape[1:])
            rows.append(mean + spread * (_NEARNESS / len(table)) ** 0.5)
        else:
            rows.append(std * torch.randn(drawn, *table.shape[1:], dtype=table.dtype, device=table.device))
    return nn.Parameter(torch.cat(rows), requires_grad=table.requires_grad)


def _count(asked: int | None, present: int, multiple: int | None) -> int:
    for name, value in (("new_num_tokens", asked), ("pad_to_multiple_of", multiple)):
        if value is not None and (type(value) is not int or value < 1):
            raise InputError(f"{name}={value!r}, expected a positive whole number or None")
    count, step = asked or present, multiple or 1
    return -(-count // step) * step


def _of_shape(weight: Tensor, own: Tensor) -> nn.Parameter:
    if weight.shape != own.shape:
        expected = f"expected {tuple(own.shape)}; resize_token_embeddings changes how many tokens there are"
        raise InputError(f"the embeddings have shape {tuple(weight.shape)}, {expected}")
    return weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)
