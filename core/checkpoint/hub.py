"""Where a checkpoint lies: a folder here, or a repository on the hub that is downloaded."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

import attrs

from speechgraft.checkpoint.atomic import repair
from speechgraft.checkpoint.blobs import discard_broken
from speechgraft.checkpoint.formats import ALL_FORMATS, FORMATS, Weights, find_files, missing, read_index
from speechgraft.checkpoint.hub_failures import download_failure
from speechgraft.errors import CheckpointError, InputError

CONFIG_FILE = "config.json"

SETTINGS_FILES = ("*.json", "*.txt", "*.model")
"""Configs, vocabularies, merges, models of SentencePiece: the small files of a repository."""

_NO_SETTINGS = (*(kind.index for kind in ALL_FORMATS), "trainer_state.json")
"""Names that look like settings and are none."""

_PAUSES = (0.5, 2.0)
"""Seconds between one try and the next while the hub fails."""

T = TypeVar("T")

_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")


def locate(
    source: str | os.PathLike[str],
    *,
    files: Sequence[str] | None = None,
    weights: Weights = "torch",
    revision: str | None = None,
    subfolder: str = "",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder of a checkpoint, downloaded from the hub if it is not here.

    A save into a local folder that was cut off is mended first. Of a repository only what is needed is
    downloaded, and what was downloaded is held against the checksum that the hub tells; a file with
    another one is taken out of the cache again.

    Args:
        source: A folder, or the id of a repository (`"owner/name"`).
        files: Names or patterns of the files that are needed; `None`: the settings and the weights.
        weights: Whose weights: `"torch"` are safetensors or, where there are none, `pytorch_model.bin`.
        revision: Branch, tag or commit of the repository.
        subfolder: The folder within it.
        token: For gated and private repositories; `None`: the one that was logged in with.
        cache_dir: Where downloads are kept; by default where `huggingface_hub` keeps them.
        local_files_only: Whether only earlier downloads count.

    Raises:
        CheckpointError: There is no such folder, the repository has no such weights, or the download failed.
        InputError: `source` is neither a path nor an id.
    """
    if not isinstance(source, str | os.PathLike) or not str(source):
        raise InputError(f"{source!r} is no checkpoint: pass a folder, or the id of a repository on the hub")
    folder = Path(source).expanduser()
    repair(folder)
    if not folder.exists() and _is_repository(source):
        repository = _Repository(
            str(source), subfolder, token, None if cache_dir is None else Path(cache_dir), local_files_only
        )
        folder = repository.download(files or SETTINGS_FILES, None if files else weights, revision)
    folder = folder / subfolder
    if folder.is_dir():
        return folder
    problem = "is a file, expected the folder it lies in" if folder.exists() else "there is no such folder"
    raise CheckpointError(f"{folder}: {problem}")


def settings_in(folder: Path) -> list[str]:
    """The names of a folder's settings."""
    names = sorted(path.name for path in folder.glob("*") if path.is_file())
    kept = [name for name in names if any(fnmatch(name, pattern) for pattern in SETTINGS_FILES)]
    return [name for name in kept if name not in _NO_SETTINGS]


def _is_repository(source: str | os.PathLike[str]) -> bool:
    """Whether a name that is no folder can only be meant for the hub."""
    return isinstance(source, str) and not source.startswith(".") and _REPOSITORY.fullmatch(source) is not None


@attrs.frozen
class _Repository:
    """A repository on the hub."""

    name: str
    subfolder: str
    token: str | bool | None
    cache_dir: Path | None
    local_files_only: bool

    def download(self, files: Sequence[str], weights: Weights | None, revision: str | None) -> Path:
        """The folder of the commit that a revision stands for, with these files and weights in it."""
        begun = time.time()
        broken: list[str] = []
        try:
            folder = _persistently(lambda: self._settings(files, revision))
            if weights is not None:
                self._weights(folder, weights)
            elif not (folder / self.subfolder).is_dir():
                raise CheckpointError(f"{self._path_of()}: there is no {' and no '.join(files)} on the hub")
        except CheckpointError:
            raise
        except Exception as error:  # the client's transport raises errors of its own kinds, which change by version
            raise CheckpointError(f"{self.name}: {download_failure(error, revision, self.local_files_only)}") from error
        finally:
            broken += discard_broken(self._storage(), begun)
        if broken:
            raise CheckpointError(
                f"{self.name}: {', '.join(broken)} came with another checksum than the hub tells; "
                "the download was discarded: try again"
            )
        return folder

    def _storage(self) -> Path:
        """The folder of the cache that belongs to this repository."""
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        return Path(self.cache_dir or constants.HF_HUB_CACHE) / repo_folder_name(repo_id=self.name, repo_type="model")

    def _settings(self, files: Sequence[str], revision: str | None) -> Path:
        from huggingface_hub import snapshot_download

        with _no_word_of_no_files():
            folder = snapshot_download(
                self.name,
                revision=revision,
                cache_dir=self.cache_dir,
                token=self.token,
                local_files_only=self.local_files_only,
                allow_patterns=[self._path(name) for name in files],
                # In a pattern, * stands for / as well.
                ignore_patterns=[self._path(name) for name in ("*/*", *_NO_SETTINGS) if name not in files],
            )
        return Path(folder)

    def _path(self, name: str) -> str:
        return f"{self.subfolder}/{name}" if self.subfolder else name

    def _weights(self, commit: Path, weights: Weights) -> None:
        """Get the weights: those of the best kind that there is, and of no other."""
        folder = commit / self.subfolder
        found = find_files(folder, weights)
        if found is not None and (isinstance(found[1], Path) or all(path.is_file() for path in found[1].values())):
            return
        for kind in FORMATS[weights]:
            if self._get(commit, kind.single):
                return
            if self._get(commit, kind.index):
                for shard in sorted({path.name for path in read_index(folder, kind).values()}):
                    if not self._get(commit, shard):
                        raise CheckpointError(f"{self.name}: there is no {shard}, which {kind.index} names")
                return
        names = self._names(commit)
        raise CheckpointError(f"{self._path_of()}: {missing(weights, names)}{_beneath(names, weights, self.subfolder)}")

    def _path_of(self) -> str:
        """The repository with the folder in it that was asked for."""
        return f"{self.name}/{self.subfolder}" if self.subfolder else self.name

    def _get(self, commit: Path, name: str) -> bool:
        """Whether the repository has a file, which is then downloaded."""
        from huggingface_hub import errors, hf_hub_download

        try:
            _persistently(
                lambda: hf_hub_download(
                    self.name,
                    self._path(name),
                    revision=commit.name,
                    cache_dir=self.cache_dir,
                    token=self.token,
                    local_files_only=self.local_files_only,
                )
            )
        except errors.LocalEntryNotFoundError:
            if self.local_files_only:
                return False
            raise
        except errors.EntryNotFoundError:
            return False
        return True

    def _names(self, commit: Path) -> list[str]:
        """The names of the files in the folder on the hub, or of those that are here."""
        if self.local_files_only:
            return [path.name for path in (commit / self.subfolder).glob("*")]
        from huggingface_hub import HfApi

        names = HfApi(token=self.token).list_repo_files(self.name, revision=commit.name)
        root = self._path("")
        return [name.removeprefix(root) for name in names if name.startswith(root)]


@contextmanager
def _no_word_of_no_files() -> Iterator[None]:
    """Keep the client from warning that a repository has none of the files: what reads them says which is missing."""

    def is_other(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("No files matched ")

    logger = logging.getLogger("huggingface_hub._snapshot_download")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _beneath(names: Sequence[str], weights: Weights, subfolder: str) -> str:
    """What to say of weights that lie in a folder beneath the one that was asked for."""
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder and any(kind.holds(file) for kind in FORMATS[weights]):
            return f"; there is {file} in {folder}: pass subfolder={f'{subfolder}/{folder}'.lstrip('/')!r}"
    return ""


def _persistently(download: Callable[[], T]) -> T:
    """Try a download again while the hub says that it fails; broken connections the client mends itself."""
    from huggingface_hub import errors

    for pause in _PAUSES:
        try:
            return download()
        except errors.HfHubHTTPError as error:
            if error.response.status_code < 500:
                raise
        time.sleep(pause)
    return download()
