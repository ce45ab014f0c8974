"""Where a checkpoint lies: a folder here, or a repository on the hub that is downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from speechgraft.checkpoint.atomic import repair
from speechgraft.errors import CheckpointError

CONFIG_FILE = "config.json"

SETTINGS_FILES = ("*.json", "*.txt", "*.model")
"""Configs, vocabularies, merges, models of SentencePiece: the small files of a repository."""

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-?????-of-?????.safetensors")
"""The weights as this library reads them."""

_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")


def locate(
    source: str | os.PathLike[str],
    *,
    files: Sequence[str] = (*SETTINGS_FILES, *WEIGHT_FILES),
    revision: str | None = None,
    subfolder: str = "",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder of a checkpoint, downloaded from the hub if it is not here.

    A save into a local folder that was cut off is mended first.

    Args:
        source: A folder, or the id of a repository (`"owner/name"`).
        files: Names or patterns of the files that are needed; no others are downloaded.
        revision: Branch, tag or commit of the repository.
        subfolder: The folder within it.
        token: For gated and private repositories; `None`: the one that was logged in with.
        cache_dir: Where downloads are kept; by default where `huggingface_hub` keeps them.
        local_files_only: Whether only earlier downloads count.

    Raises:
        CheckpointError: There is no such folder, or the download failed.
    """
    folder = Path(source).expanduser()
    repair(folder)
    if not folder.exists() and _is_repository(source):
        folder = _download(str(source), files, revision, subfolder, token, cache_dir, local_files_only)
    folder = folder / subfolder
    if folder.is_dir():
        return folder
    problem = "is a file, expected the folder it lies in" if folder.exists() else "there is no such folder"
    raise CheckpointError(f"{folder}: {problem}")


def _is_repository(source: str | os.PathLike[str]) -> bool:
    """Whether a name that is no folder can only be meant for the hub."""
    return isinstance(source, str) and not source.startswith(".") and _REPOSITORY.fullmatch(source) is not None


def _download(
    repository: str,
    files: Sequence[str],
    revision: str | None,
    subfolder: str,
    token: str | bool | None,
    cache_dir: str | os.PathLike[str] | None,
    local_files_only: bool,
) -> Path:
    from huggingface_hub import snapshot_download

    patterns = [f"{subfolder}/{name}" if subfolder else name for name in files]
    try:
        folder = snapshot_download(
            repository,
            revision=revision,
            cache_dir=None if cache_dir is None else Path(cache_dir),
            token=token,
            local_files_only=local_files_only,
            allow_patterns=patterns,
        )
    except Exception as error:  # the client's transport raises errors of its own kinds, which change between versions
        raise CheckpointError(f"{repository}: {_reason(error, revision, local_files_only)}") from error
    return Path(folder)


def _reason(error: Exception, revision: str | None, local_files_only: bool) -> str:
    """One sentence for what went wrong with the hub."""
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return "the hub lets only those in who have accepted its terms; log in with `hf auth login` or pass a token"
        case errors.RepositoryNotFoundError():
            return "there is no such folder here, and no such repository on the hub that may be read"
        case errors.RevisionNotFoundError():
            return f"the repository has no revision {revision!r}"
        case errors.LocalEntryNotFoundError() if local_files_only:
            return "there is no such folder here, and no earlier download (local_files_only was asked for)"
        case errors.LocalEntryNotFoundError():
            return "there is no such folder here, and the hub cannot be reached"
        case _:
            lines = str(error).strip().splitlines()
            return f"it cannot be downloaded from the hub ({lines[0] if lines else type(error).__name__})"
