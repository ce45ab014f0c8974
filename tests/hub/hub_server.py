"""A small hub on this machine: repositories in memory, the routes that `huggingface_hub` asks for, and faults.

The fixture `hub` (in `tests/conftest.py`) starts one and has `huggingface_hub` ask it:

    hub.add("owner/name", {"config.json": b"{}", "model.safetensors": b"..."})
    hub.add_folder("owner/name", folder)
    hub.fault("owner/name", "model.safetensors", "cut")  # see `Fault`
    hub.asked                                            # ["GET /owner/name/resolve/...", ...]
    hub.sent["model.safetensors"]                        # how many bytes of it went out
    hub.files("owner/name")                              # what is in it, after a push too (token "let-me-in")
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import pytest

Fault = Literal[
    "cut", "cut forever", "short", "garbled", "slow", "silent", "500", "500 forever", "no etag", "no etag but a commit"
]
"""What goes wrong with a file.

- `cut`: the first answer ends in the middle; a request for the rest is served. `cut forever`: each ends where it began.
- `short`: half of the bytes are sent as if they were all, against the size that was announced.
- `garbled`: one byte differs from what the ETag stands for.
- `slow`: each piece comes after a pause. `silent`: at the first GET nothing comes for a second.
- `500`: the first GET is answered with 500; `500 forever`: each.
- `no etag`: the answer says neither ETag nor commit. `no etag but a commit`: it says the commit.
"""

LARGE: Final = (".safetensors", ".bin", ".h5", ".msgpack")
"""Suffixes of files that lie in LFS, whose ETag is their SHA-256; that of others is git's SHA-1."""


def etag(name: str, content: bytes) -> str:
    """The ETag that the hub gives a file."""
    if name.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """The files of one repository on each branch, and who may read them."""

    def __init__(self, files: Mapping[str, bytes], access: str) -> None:
        self.access = access
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.faults: dict[str, str] = {}
        self.commit(dict(files), "main")

    def commit(self, files: dict[str, bytes], branch: str) -> str:
        """The name of a new commit at the head of a branch."""
        digest = hashlib.sha1(repr((len(self.commits), branch)).encode())
        for name in sorted(files):
            digest.update(name.encode() + files[name])
        self.commits[digest.hexdigest()] = files
        self.branches[branch] = digest.hexdigest()
        return digest.hexdigest()

    def find(self, revision: str) -> str | None:
        """The commit that a branch or the name of a commit stands for."""
        commit = self.branches.get(revision, revision)
        return commit if commit in self.commits else None


class Hub:
    """The hub as tests see it: what it holds, what goes wrong, what was asked for."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.sent: Counter[str] = Counter()
        self.down = False
        self.connections: set[socket.socket] = set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def add(self, repository: str, files: Mapping[str, bytes], *, branch: str = "main", access: str = "open") -> str:
        """Put files into a repository, in place of those of that branch; the name of the commit.

        `access`: `"open"`; `"gated"`: answers 403 without the token `let-me-in`; `"private"`: 401 without it.
        """
        if repository not in self.repositories:
            self.repositories[repository] = Repository(files if branch == "main" else {}, access)
        return self.repositories[repository].commit(dict(files), branch)

    def add_folder(self, repository: str, folder: Path, **options: Any) -> str:
        """Put the files of a folder into a repository."""
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return self.add(repository, files, **options)

    def fault(self, repository: str, name: str, fault: Fault) -> None:
        """Let something go wrong with a file from now on."""
        self.repositories[repository].faults[name] = fault

    def mend(self, repository: str) -> None:
        """Let nothing go wrong with a repository any more."""
        self.repositories[repository].faults.clear()

    def files(self, repository: str, branch: str = "main") -> dict[str, bytes]:
        """The files of a repository by name."""
        found = self.repositories[repository]
        return found.commits[found.branches[branch]]

    def fetched(self) -> list[str]:
        """Names of the files whose content was asked for, in order."""
        return [
            path.split("/resolve/")[1].split("/", 1)[1]
            for path in self.asked
            if path.startswith("GET") and "/resolve/" in path
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined, no-any-return]

    def setup(self) -> None:
        super().setup()
        self.hub.connections.add(self.connection)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        path = unquote(urlsplit(self.path).path)
        if self.hub.down:
            self._json({}, 503)
        elif path.startswith("/api/whoami"):
            self._json({"name": "owner", "type": "user", "orgs": [], "auth": {"type": "access_token"}})
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            name, rest = path.strip("/").split("/resolve/")
            revision, file = rest.split("/", 1)
            self._resolve(name, revision, file)
        else:
            self._json({}, 404)

    do_HEAD = do_GET  # noqa: N815  the name that http.server looks for

    def _api(self, path: str) -> None:
        for verb in ("/tree/", "/revision/", ""):
            name, found, rest = path.partition(verb) if verb else (path, "", "main")
            if found or not verb:
                break
        repository = self._allowed(name)
        if repository is None:
            return None
        revision = rest.split("/")[0] if verb == "/tree/" else rest
        commit = repository.find(revision)
        if commit is None:
            return self._refuse(404, "RevisionNotFound", "no such revision")
        files = repository.commits[commit]
        if verb == "/tree/":
            return self._json([_tree_entry(name, content) for name, content in files.items()])
        siblings = [{"rfilename": name} for name in files]
        return self._json({"id": name, "sha": commit, "siblings": siblings, "private": False})

    def _allowed(self, name: str) -> Repository | None:
        """The repository, or `None` where the request has been refused."""
        repository = self.hub.repositories.get(name)
        entitled = self.headers.get("authorization") == "Bearer let-me-in"
        if repository is None:
            self._refuse(404, "RepoNotFound", "no such repository")
        elif repository.access == "gated" and not entitled:
            self._refuse(403, "GatedRepo", "access is restricted")
        elif repository.access == "private" and not entitled:
            self._refuse(401, "RepoNotFound", "not authorised")
        else:
            return repository
        return None

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._allowed(name)
        if repository is None:
            return None
        commit = repository.find(revision)
        if commit is None:
            return self._refuse(404, "RevisionNotFound", "no such revision")
        content = repository.commits[commit].get(file)
        if content is None:
            return self._refuse(404, "EntryNotFound", "no such file", {"X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag(file, content)}"', "Accept-Ranges": "bytes"}
        return self._send(repository, file, content, headers)

    def _send(self, repository: Repository, file: str, content: bytes, headers: dict[str, str]) -> None:
        fault = repository.faults.get(file)
        getting = self.command == "GET"
        if fault in ("500", "silent") and getting:
            del repository.faults[file]
        if fault in ("500", "500 forever") and getting:
            return self._json({}, 500)
        if fault == "no etag":
            headers = {}
        if fault == "no etag but a commit":
            del headers["ETag"]
        begin = self._begin(len(content))
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        sent = content[begin:]
        if fault == "garbled":
            sent = sent[:-1] + bytes([sent[-1] ^ 1])
        if fault == "short" and getting:
            sent = sent[: len(sent) // 2]
        self._head(206 if begin else 200, len(sent), headers)
        if not getting:
            return None
        if fault in ("cut", "cut forever"):
            if fault == "cut":
                del repository.faults[file]
            self._write(file, sent[: len(sent) // 2] if fault == "cut" else b"", fault)
            self.close_connection = True
            return None
        return self._write(file, sent, fault)

    def _begin(self, size: int) -> int:
        asked = self.headers.get("range", "")
        return min(int(asked.removeprefix("bytes=").split("-")[0]), size) if asked.startswith("bytes=") else 0

    def _write(self, file: str, content: bytes, fault: str | None) -> None:
        if fault == "silent":
            time.sleep(1.0)
        pieces = 8 if fault == "slow" else 1
        step = max(1, -(-len(content) // pieces))
        for begin in range(0, len(content), step):
            self.wfile.write(content[begin : begin + step])
            self.hub.sent[file] += len(content[begin : begin + step])
            if fault == "slow":
                self.wfile.flush()
                time.sleep(0.05)

    def do_POST(self) -> None:
        self.hub.asked.append(f"POST {self.path}")
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("authorization") != "Bearer let-me-in":
            self._refuse(401, "", "Invalid username or password.")
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [("lfs" if each["path"].endswith(LARGE) else "regular", each["path"]) for each in files]
            self._json({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for m, p in modes]})
        elif path.endswith(".git/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        elif "/commit/" in path:
            name, branch = path.removeprefix("/api/models/").split("/commit/")
            self._commit(name, branch, body)
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        else:
            self._json({}, 404)

    def _create(self, asked: dict[str, Any]) -> None:
        name = "/".join(part for part in (asked.get("organization") or "owner", asked["name"]) if part)
        known = name in self.hub.repositories
        if not known:
            self.hub.repositories[name] = Repository({}, "open")
        self._json({"url": f"{self.hub.endpoint}/{name}", "name": name}, 409 if known else 200)

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.endpoint}/lfs/{each['oid']}", "header": {}}}}
            for each in asked["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def do_PUT(self) -> None:
        self.hub.asked.append(f"PUT {self.path}")
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        oid = self.path.rpartition("/")[2]
        if hashlib.sha256(content).hexdigest() != oid:
            self._json({"error": "the content has another checksum"}, 400)
        else:
            self.hub.stored[oid] = content
            self._json({})

    def _commit(self, name: str, branch: str, body: bytes) -> None:
        repository = self.hub.repositories[name]
        files = dict(repository.commits[repository.branches[branch]]) if branch in repository.branches else {}
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.stored[value["oid"]]
                case "deletedFile":
                    files.pop(value["path"], None)
        commit = repository.commit(files, branch)
        url = f"{self.hub.endpoint}/{name}/commit/{commit}"
        self._json({"commitUrl": url, "commitOid": commit, "pullRequestUrl": None, "success": True})

    def _refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self._json({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})})

    def _json(self, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        self._head(status, len(content), {"Content-Type": "application/json", **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def in_place_of_the_real_one(monkeypatch: pytest.MonkeyPatch, hub: Hub, cache: Path) -> None:
    """Have `huggingface_hub` ask this hub, keep what it gets under `cache`, and lose no time before it tries again."""
    from huggingface_hub import constants, file_download, hf_api
    from huggingface_hub.utils import _http

    from speechgraft.checkpoint import hub as hub_of_speechgraft

    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(hf_api.api, "endpoint", hub.endpoint)
    hasty = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: time.sleep(min(seconds, 0.01))})
    for module in (file_download, _http, hub_of_speechgraft):
        monkeypatch.setattr(module, "time", hasty)
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)  # for processes that a test starts
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")


def _tree_entry(name: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": oid}
    if name.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry
