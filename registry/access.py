"""What published code asks of any model beside computing: its embeddings, its size, where it is uploaded to."""

from __future__ import annotations

from abc import abstractmethod
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NoReturn, final

from torch import nn

from speechgraft.contracts import Component, Decoder, Encoder
from speechgraft.errors import CheckpointError, InputError
from speechgraft.switches import Switches


class Access(Component, Switches):
    """A model class says which of its parts has the tokens that go in, and which those that come out."""

    main_input_name: ClassVar[str]
    """The argument of `forward` that is encoded or, of a language model, continued, as published."""

    @final
    @classmethod
    def can_generate(cls) -> bool:
        """Whether there is a `generate`."""
        return hasattr(cls, "generate")

    @property
    @abstractmethod
    def _reading(self) -> Encoder | Decoder:
        """The part whose token embedding is the model's."""

    @property
    @abstractmethod
    def _writing(self) -> Decoder | None:
        """The part whose output layer is the model's; `None`: no part has one."""

    @final
    def get_input_embeddings(self) -> nn.Embedding:
        """The table with a row for each token that goes in: of a pair of speech the decoder's, of text the encoder's.

        Raises:
            InputError: There is none.
        """
        return self._reading.get_input_embeddings()

    @final
    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Take over the weight of another table of the same size; see `Vocabulary.set_input_embeddings`.

        Raises:
            InputError: There is none here, or the other is of another size.
        """
        self._reading.set_input_embeddings(value)

    @final
    def get_output_embeddings(self) -> nn.Module | None:
        """What holds the weight that gives logits over tokens, `None` where there are none."""
        return None if self._writing is None else self._writing.get_output_embeddings()

    @final
    def set_output_embeddings(self, new_embeddings: nn.Linear | nn.Embedding) -> None:
        """Take over the weight of another output layer of the same size; see `Vocabulary.set_output_embeddings`.

        Raises:
            InputError: There is no output layer, it is tied, or the other is of another size.
        """
        if self._writing is None:
            raise InputError(f"{type(self).__name__} has no output layer over tokens")
        self._writing.set_output_embeddings(new_embeddings)

    @final
    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> nn.Embedding:
        """Another number of tokens, in place, of embedding, output layers and config.

        See `speechgraft.nn.vocabulary.Vocabulary.resize_token_embeddings`.

        Raises:
            InputError: There are no token embeddings, two parts have some, or a number is no positive one.
            ConfigError: The config has a token that would be gone.
        """
        if self._writing is not None and self._writing is not self._reading:
            raise InputError(
                "both parts have tokens: call model.encoder.resize_token_embeddings(...) or "
                "model.decoder.resize_token_embeddings(...)"
            )
        before = self._reading.vocab_size
        embedding = self._reading.resize_token_embeddings(new_num_tokens, pad_to_multiple_of, mean_resizing)
        if embedding.num_embeddings != before:
            self._vocabulary_resized(embedding.num_embeddings)
        return embedding

    def _vocabulary_resized(self, count: int) -> None:
        """Called behind that, for a model that has more than its part with a row for each token; none has to."""

    @final
    def tie_weights(self) -> None:
        """Do nothing that was not done: a tied output layer holds no weight, and takes the embedding's at each call."""

    @final
    def enable_input_require_grads(self) -> None:
        """Do nothing, since nothing is needed.

        Layers are recomputed without reentrance, so adapters in them learn though what goes in requires no gradient.
        """

    @final
    def disable_input_require_grads(self) -> None:
        """Take nothing back, since `enable_input_require_grads` does nothing."""

    @final
    def prune_heads(self, heads_to_prune: Any) -> NoReturn:
        """Not offered.

        Raises:
            InputError: Always; the message says what to do instead.
        """
        raise InputError(
            "prune_heads is not offered: to do without heads, set the columns of their output projection to zero with "
            "torch.nn.utils.prune, or build a model with fewer num_attention_heads"
        )

    @final
    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """How many numbers the model learns.

        Args:
            only_trainable: Whether those of frozen parameters do not count.
            exclude_embeddings: Whether those of embeddings do not count, of tokens, positions and types.
        """
        tables = {id(module.weight) for module in self.modules() if isinstance(module, nn.Embedding)}
        left_out = tables if exclude_embeddings else set()
        counted = (weight for weight in self.parameters() if id(weight) not in left_out)
        return sum(weight.numel() for weight in counted if weight.requires_grad or not only_trainable)

    @abstractmethod
    def save_pretrained(self, save_directory: Any, *, max_shard_size: str | int = "5GB") -> None:
        """Write settings and weights into a folder."""

    @final
    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        commit_description: str | None = None,
        private: bool | None = None,
        token: bool | str | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        max_shard_size: str | int = "5GB",
    ) -> str:
        """Upload what `save_pretrained` writes to a repository on the hub, which is made if it is not there.

        Args:
            repo_id: `"owner/name"`.
            commit_message: By default the class's name.
            commit_description: What the commit says beside.
            private: Whether a repository that is made is private; `None`: as its owner's are.
            token: Of an account that may write; `None`: the one that was logged in with.
            revision: The branch, which has to be there; `None`: the main one.
            create_pr: Whether the upload is proposed, not done.
            max_shard_size: Bytes of a weights file, beyond which there are several.

        Returns:
            The address of the commit.

        Raises:
            CheckpointError: Nobody is logged in, the hub refuses, or it cannot be reached.
        """
        from huggingface_hub import HfApi

        from speechgraft.checkpoint.hub_failures import upload_failure

        hub = HfApi(token=token)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, max_shard_size=max_shard_size)
            try:
                place = hub.create_repo(repo_id, private=private, exist_ok=True).repo_id
                done = hub.upload_folder(
                    repo_id=place,
                    folder_path=folder,
                    commit_message=commit_message or f"Upload {type(self).__name__}",
                    commit_description=commit_description,
                    revision=revision,
                    create_pr=create_pr,
                )
            except Exception as error:  # the client's transport raises errors of its own kinds
                raise CheckpointError(f"{repo_id}: it cannot be uploaded to the hub{upload_failure(error)}") from error
        return str(done)
