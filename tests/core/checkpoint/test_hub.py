"""A checkpoint is found in a folder or on the hub, which a small server on this machine plays."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from speechgraft.checkpoint import SETTINGS_FILES, hub, locate
from speechgraft.errors import CheckpointError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "toy"}',
    "vocab.txt": b"a\nb\n",
    "sentencepiece.bpe.model": b"pieces",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickle",
    "sub/config.json": b"{}",
}


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers for the repository `owner/toy`; others are missing, closed or broken."""

    def do_GET(self) -> None:
        """Metadata, or a file."""
        repository = "/".join(self.path.removeprefix("/api/models").strip("/").split("/")[:2])
        if repository == "owner/broken":
            self._answer(500, b"{}")
        elif repository == "owner/gated":
            self._answer(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "closed"})
        elif repository != "owner/toy":
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif "no-such-branch" in self.path:
            self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif "/resolve/" in self.path:
            content = FILES["/".join(self.path.split("/resolve/")[1].split("/")[1:])]
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            self._answer(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{hash(content):x}"'})
        elif "/tree/" in self.path:
            tree = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": "0" * 40} for name in FILES]
            self._answer(200, json.dumps(tree).encode())
        else:
            siblings = [{"rfilename": name} for name in FILES]
            self._answer(200, json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode())

    do_HEAD = do_GET  # noqa: N815  the name that http.server looks for

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files that were asked for, while the server plays the hub."""
    import huggingface_hub

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", partial(huggingface_hub.snapshot_download, endpoint=endpoint)
    )
    yield server.asked  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_the_files_that_are_needed_are_downloaded(asked: list[str], tmp_path: Path) -> None:
    small = locate("owner/toy", files=("config.json",), cache_dir=tmp_path)
    assert names_in(small) == {"config.json"}
    assert {"config.json", "vocab.txt"} <= names_in(locate("owner/toy", files=SETTINGS_FILES, cache_dir=tmp_path))
    whole = locate("owner/toy", cache_dir=tmp_path)
    assert {"config.json", "vocab.txt", "sentencepiece.bpe.model", "model.safetensors"} <= names_in(whole)
    assert not [path for path in asked if path.endswith(".bin")]
    assert (whole / "config.json").read_bytes() == FILES["config.json"]


def test_a_download_serves_without_the_hub(asked: list[str], tmp_path: Path) -> None:
    folder = locate("owner/toy", cache_dir=tmp_path)
    count = len(asked)
    assert locate("owner/toy", cache_dir=tmp_path, local_files_only=True) == folder and len(asked) == count
    with pytest.raises(CheckpointError, match="no earlier download"):
        locate("owner/other", cache_dir=tmp_path, local_files_only=True)


def test_a_folder_within_a_repository_is_found(asked: list[str], tmp_path: Path) -> None:
    folder = locate("owner/toy", subfolder="sub", cache_dir=tmp_path)
    assert (folder.name, names_in(folder)) == ("sub", {"config.json"})
    with pytest.raises(CheckpointError, match="there is no such folder"):
        locate("owner/toy", subfolder="bus", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("repository", "revision", "problem"),
    [
        ("owner/missing", None, "no such repository on the hub"),
        ("owner/gated", None, "accepted its terms"),
        ("owner/toy", "no-such-branch", "the repository has no revision 'no-such-branch'"),
        ("owner/broken", None, "hub"),
    ],
)
def test_what_the_hub_refuses_is_said_in_one_sentence(
    asked: list[str], tmp_path: Path, repository: str, revision: str | None, problem: str
) -> None:
    with pytest.raises(CheckpointError, match=problem) as caught:
        locate(repository, revision=revision, cache_dir=tmp_path)
    assert str(caught.value).startswith(f"{repository}: ") and "\n" not in str(caught.value)


def test_a_folder_here_goes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_download", None)
    (tmp_path / "owner" / "toy").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert locate("owner/toy") == Path("owner/toy")
    assert locate(tmp_path / "owner", subfolder="toy") == tmp_path / "owner" / "toy"
    for name in ("./toy", "/no/such/folder", "a/b/c", Path("owner/other"), "../x"):
        with pytest.raises(CheckpointError, match="there is no such folder"):
            locate(name)
    (tmp_path / "file.json").touch()
    with pytest.raises(CheckpointError, match=r"file\.json: is a file, expected the folder it lies in"):
        locate("file.json")


def test_a_save_that_was_cut_off_is_mended_first(tmp_path: Path) -> None:
    (tmp_path / ".model.old").mkdir()
    assert locate(tmp_path / "model").is_dir()
