"""A checkpoint is found in a folder or on the hub, whatever goes wrong on the way, and only what is needed is got."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest
from hub_server import Fault, Hub

from speechgraft.checkpoint import SETTINGS_FILES, locate
from speechgraft.errors import CheckpointError

FILES = {
    "config.json": b'{"model_type": "toy"}',
    "vocab.txt": b"a\nb\n",
    "sentencepiece.bpe.model": b"pieces",
    "trainer_state.json": b"{}",
    "model.safetensors": b"weights" * 100,
    "model.fp16.safetensors": b"half",
    "pytorch_model.bin": b"pickle",
    "pytorch_model.bin.index.json": b"{}",
    "tf_model.h5": b"keras",
    "flax_model.msgpack": b"flax",
    "sub/config.json": b"{}",
    "sub/model.safetensors": b"other weights",
    "sub/deeper/config.json": b"{}",
}
SETTINGS = {"config.json", "vocab.txt", "sentencepiece.bpe.model"}
ID = "owner/toy"


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in FILES.items() if name not in names}


def sharded(single: str) -> dict[str, bytes]:
    stem, suffix = Path(single).stem, Path(single).suffix
    shards = [f"{stem}-{n:05}-of-00002{suffix}" for n in (1, 2)]
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    return {f"{single}.index.json": json.dumps(index).encode(), **{shard: shard.encode() for shard in shards}}


def test_only_the_files_that_are_needed_are_downloaded(hub: Hub) -> None:
    hub.add(ID, FILES)
    assert names_in(locate(ID, files=("config.json",))) == {"config.json"}
    assert names_in(locate(ID, files=SETTINGS_FILES)) == SETTINGS
    whole = locate(ID)
    assert names_in(whole) == {*SETTINGS, "model.safetensors"}
    assert sorted(hub.fetched()) == sorted(names_in(whole)), "nothing is fetched twice"
    assert (whole / "model.safetensors").read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize(
    ("there", "weights", "fetched"),
    [
        (FILES, "torch", {"model.safetensors"}),
        (FILES, "tensorflow", {"tf_model.h5"}),
        (FILES, "flax", {"flax_model.msgpack"}),
        (without("model.safetensors", "pytorch_model.bin.index.json"), "torch", {"pytorch_model.bin"}),
        (
            {**without("model.safetensors"), **sharded("model.safetensors")},
            "torch",
            sharded("model.safetensors").keys(),
        ),
        (
            {**without("model.safetensors", "pytorch_model.bin"), **sharded("pytorch_model.bin")},
            "torch",
            sharded("pytorch_model.bin").keys(),
        ),
        (
            {**without("tf_model.h5"), **sharded("tf_model.h5")},
            "tensorflow",
            sharded("tf_model.h5").keys(),
        ),
    ],
    ids=["safetensors", "h5", "msgpack", "bin", "safetensors shards", "bin shards", "h5 shards"],
)  # fmt: skip
def test_weights_of_one_kind_are_downloaded_and_no_others(hub: Hub, there, weights, fetched) -> None:
    hub.add(ID, there)
    folder = locate(ID, weights=weights)
    assert names_in(folder) == {*SETTINGS, *fetched} == set(hub.fetched())
    asked = len(hub.fetched())
    assert locate(ID, weights=weights) == folder and len(hub.fetched()) == asked
    assert locate(ID, weights=weights, local_files_only=True) == folder


@pytest.mark.parametrize(
    ("there", "weights", "problem"),
    [
        (["tf_model.h5"], "torch", "nor pytorch_model.bin.*there is tf_model.h5: pass from_tf=True"),
        (["flax_model.msgpack"], "torch", "there is flax_model.msgpack: pass from_flax=True"),
        (["model.safetensors"], "flax", "no flax_model.msgpack.*there is model.safetensors: leave from_tf"),
        ([], "torch", "neither model.safetensors nor pytorch_model.bin"),
    ],
)  # fmt: skip
def test_weights_of_another_kind_are_named_with_the_option_that_reads_them(hub: Hub, there, weights, problem) -> None:
    hub.add(ID, {name: FILES[name] for name in (*SETTINGS, *there)})
    with pytest.raises(CheckpointError, match=f"{ID}: .*{problem}"):
        locate(ID, weights=weights)


def test_a_shard_that_is_not_there_is_named(hub: Hub) -> None:
    files = sharded("model.safetensors")
    hub.add(ID, {"config.json": b"{}", **{name: files[name] for name in files if "00002-" not in name}})
    with pytest.raises(CheckpointError, match=r"no model-00002-of-00002\.safetensors, which .*index\.json names"):
        locate(ID)


def test_an_index_cannot_ask_for_files_elsewhere(hub: Hub) -> None:
    index = {"weight_map": {"a": "../../secrets.safetensors"}}
    hub.add(ID, {"config.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode()})
    with pytest.raises(CheckpointError, match=r"expected the plain name of a \.safetensors file beside it"):
        locate(ID)
    assert not [path for path in hub.asked if "secrets" in path]


def test_a_download_serves_without_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    hub.add(ID, FILES)
    folder = locate(ID)
    asked = len(hub.asked)
    assert locate(ID, local_files_only=True) == folder and len(hub.asked) == asked
    with pytest.raises(CheckpointError, match=r"owner/other: .*no earlier download.*local_files_only"):
        locate("owner/other", local_files_only=True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert locate(ID) == folder and len(hub.asked) == asked
    with pytest.raises(CheckpointError, match=r"owner/other: .*no earlier download.*HF_HUB_OFFLINE"):
        locate("owner/other")


def test_a_download_serves_while_the_hub_is_down(hub: Hub) -> None:
    hub.add(ID, FILES)
    folder = locate(ID)
    hub.down = True
    assert locate(ID) == folder
    with pytest.raises(CheckpointError, match=r"owner/other: .*the hub fails \(status 503\)"):
        locate("owner/other")
    hub.stop()
    assert locate(ID) == folder
    with pytest.raises(CheckpointError, match=r"owner/other: .*the hub cannot be reached"):
        locate("owner/other")


def test_settings_alone_are_no_earlier_download_of_weights(hub: Hub) -> None:
    hub.add(ID, FILES)
    locate(ID, files=SETTINGS_FILES)
    with pytest.raises(CheckpointError, match=ID):
        locate(ID, local_files_only=True)


def test_a_folder_within_a_repository_is_found(hub: Hub) -> None:
    hub.add(ID, FILES)
    folder = locate(ID, subfolder="sub")
    assert (folder.name, names_in(folder)) == ("sub", {"config.json", "model.safetensors"})
    with pytest.raises(CheckpointError, match=ID):
        locate(ID, subfolder="bus")


def test_branches_and_commits_are_revisions(hub: Hub) -> None:
    first = hub.add(ID, FILES)
    hub.add(ID, {**FILES, "vocab.txt": b"c\n"}, branch="dev")
    assert (locate(ID, revision="dev") / "vocab.txt").read_bytes() == b"c\n"
    hub.add(ID, {**FILES, "vocab.txt": b"d\n"})
    assert (locate(ID) / "vocab.txt").read_bytes() == b"d\n"
    assert (locate(ID, revision=first) / "vocab.txt").read_bytes() == FILES["vocab.txt"]
    with pytest.raises(CheckpointError, match=f"{ID}: the repository has no revision 'no-such-branch'"):
        locate(ID, revision="no-such-branch")


@pytest.mark.parametrize(
    ("access", "problem"), [("gated", "accepted its terms"), ("private", "no such repository .* that may be read")]
)  # fmt: skip
def test_closed_doors_open_with_a_token(hub: Hub, access: str, problem: str) -> None:
    hub.add(ID, FILES, access=access)
    with pytest.raises(CheckpointError, match=problem) as caught:
        locate(ID, token=False)
    assert str(caught.value).startswith(f"{ID}: ") and "\n" not in str(caught.value)
    assert "model.safetensors" in names_in(locate(ID, token="let-me-in"))


def test_a_repository_that_is_not_there_is_said_in_one_sentence(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="no such repository on the hub") as caught:
        locate("owner/missing")
    assert str(caught.value).startswith("owner/missing: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", ["cut", "slow", "500", "silent"])
@pytest.mark.parametrize("name", ["vocab.txt", "model.safetensors"])
def test_what_goes_wrong_once_is_tried_again(
    hub: Hub, name: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    hub.add(ID, FILES)
    hub.fault(ID, name, fault)
    assert (locate(ID) / name).read_bytes() == FILES[name]


def test_a_download_that_was_cut_off_goes_on_where_it_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50)
    hub.add(ID, FILES)
    hub.fault(ID, "model.safetensors", "cut")
    locate(ID)
    assert hub.fetched().count("model.safetensors") == 2
    assert hub.sent["model.safetensors"] == len(FILES["model.safetensors"]), "no byte twice"


@pytest.mark.parametrize("name", ["vocab.txt", "model.safetensors"])
@pytest.mark.parametrize("fault", ["cut forever", "short", "garbled", "500 forever", "no etag"])
def test_a_broken_download_is_one_error_and_never_stays(hub: Hub, name: str, fault: Fault, tmp_path: Path) -> None:
    hub.add(ID, FILES)
    hub.fault(ID, name, fault)
    with pytest.raises(CheckpointError, match=ID) as caught:
        locate(ID)
    assert "\n" not in str(caught.value)
    if fault == "garbled":
        assert f"{name} came with another checksum" in str(caught.value)
    if fault == "no etag":
        assert "the hub's answer cannot be used (" in str(caught.value) and "header" in str(caught.value)
    with pytest.raises(CheckpointError):
        locate(ID, local_files_only=True)
    assert not [path for path in tmp_path.rglob("*") if path.name == name and path.exists()]
    hub.mend(ID)
    assert (locate(ID) / name).read_bytes() == FILES[name]


def test_a_garbled_file_beside_another_fault_does_not_stay_either(hub: Hub, tmp_path: Path) -> None:
    hub.add(ID, FILES)
    hub.fault(ID, "vocab.txt", "garbled")
    hub.fault(ID, "model.safetensors", "500 forever")
    with pytest.raises(CheckpointError):
        locate(ID)
    assert not [path for path in tmp_path.rglob("vocab.txt") if path.exists()]


def test_several_that_download_at_once_all_find_it_whole(hub: Hub) -> None:
    hub.add(ID, FILES)
    hub.fault(ID, "model.safetensors", "slow")
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append((locate(ID) / "model.safetensors").read_bytes())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [FILES["model.safetensors"]] * 3


def test_a_folder_here_goes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechgraft.checkpoint.hub._Repository", None)
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


def test_weights_in_a_folder_beneath_are_told_with_the_option_that_names_it(hub: Hub) -> None:
    hub.add(ID, {"config.json": b"{}", "a/b/model.safetensors": b"weights"})
    with pytest.raises(CheckpointError, match=r"owner/toy: .*model\.safetensors in a/b: pass subfolder='a/b'"):
        locate(ID)
    with pytest.raises(CheckpointError, match=r"owner/toy/a: .*model\.safetensors in b: pass subfolder='a/b'"):
        locate(ID, subfolder="a")
    with pytest.raises(CheckpointError, match=r"owner/toy/c: there is neither [^;]*$"):
        locate(ID, subfolder="c")
    assert names_in(locate(ID, subfolder="a/b")) == {"model.safetensors"}


def test_an_answer_without_an_etag_is_told_as_it_is(hub: Hub) -> None:
    hub.add(ID, FILES)
    hub.fault(ID, "model.safetensors", "no etag but a commit")
    with pytest.raises(CheckpointError, match=r"the hub's answer cannot be used \(.* does not have an ETag") as caught:
        locate(ID)
    assert "reached" not in str(caught.value)
    hub.mend(ID)
    folder = locate(ID)
    hub.fault(ID, "model.safetensors", "no etag")
    assert locate(ID) == folder, "an earlier download serves"


def test_a_repository_without_settings_is_told_of_once(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "propagate", True)
    hub.add(ID, {"model.safetensors": b"weights"})
    with pytest.raises(CheckpointError, match=rf"^{ID}: there is no config\.json and no vocab\.txt on the hub$"):
        locate(ID, files=("config.json", "vocab.txt"))
    assert not caplog.records
    logging.getLogger("huggingface_hub._snapshot_download").warning("No files matched this.")
    assert len(caplog.records) == 1, "others are still warned"
