"""The hub that tests ask: what `huggingface_hub` pushes to it comes back as it was."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from hub_server import Hub


def test_what_is_pushed_comes_back(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "config.json").write_text("{}")
    (tmp_path / "new" / "model.safetensors").write_bytes(b"weights" * 1000)
    huggingface_hub.create_repo("owner/new", token="let-me-in", exist_ok=True)
    huggingface_hub.create_repo("owner/new", token="let-me-in", exist_ok=True)
    pushed = huggingface_hub.upload_folder(repo_id="owner/new", folder_path=tmp_path / "new", token="let-me-in")
    assert hub.files("owner/new") == {"config.json": b"{}", "model.safetensors": b"weights" * 1000}
    assert [path for path in hub.asked if path.startswith("PUT")] != []
    again = Path(huggingface_hub.snapshot_download("owner/new"))
    assert again.name == pushed.oid and (again / "model.safetensors").read_bytes() == b"weights" * 1000


def test_a_push_without_a_token_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.add("owner/new", {})
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(huggingface_hub.errors.HfHubHTTPError, match="401"):
        huggingface_hub.upload_file(
            path_or_fileobj=tmp_path / "config.json", path_in_repo="config.json", repo_id="owner/new", token=False
        )
    assert hub.files("owner/new") == {}
