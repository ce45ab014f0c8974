"""A process that is killed while it saves leaves the old checkpoint or the new one, whole; never a part of each."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import speechgraft
from speechgraft.bundle import Transcriber
from speechgraft.checkpoint.atomic import repair
from speechgraft.processing import Wav2Vec2Processor

# For each line that comes, a twin of the process is made, which saves generation after generation until it is killed.
# Everything that is saved says of which generation it is: each parameter, the config, the tokens, the extractor.
SAVER = """
import os, sys
from itertools import count
from pathlib import Path
import torch
torch.set_num_threads(1)
import speechgraft
from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.bundle import Transcriber
from speechgraft.checkpoint import atomic
from speechgraft.checkpoint.convert import convert
from speechgraft.registry import default_catalog
from speechgraft.text import CTCTokenizer, build_tokenizer

kind, folder, steps, source = sys.argv[1:]
if steps == "two-steps":
    atomic._exchange_at_once = lambda one, other: False
hubert = default_catalog().encoder("hubert").tiny_config()
model = speechgraft.HubertForCTC(hubert)

def bundle(generation, tokens=1):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(generation)
    with model.config.unlocked():
        model.config.name_or_path = str(generation)
    characters = {chr(65 + n): n for n in range(3, hubert.vocab_size)}
    tokenizer = CTCTokenizer({"<pad>": 0, "|": 1, f"<{generation}>": 2, **characters}, model_max_length=generation)
    return Transcriber(model, Wav2Vec2FeatureExtractor(padding_value=float(generation)), tokenizer)

def save(generation, where=folder):
    made = bundle(generation)
    if kind == "model":
        made.model.save_pretrained(where, max_shard_size="8KB")
    elif kind == "processor":
        made.processor.save_pretrained(where)
    else:
        made.save_pretrained(where)

if kind == "convert":
    for generation in (1, 2):
        save(generation, f"{source}{generation}")
save(1)
print("ready", flush=True)
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        for generation in count(int(line)):
            if kind == "convert":
                convert(Path(f"{source}{generation % 2 + 1}"), Path(folder))
            else:
                save(generation)
    print(process, flush=True)
    os.waitpid(process, 0)
    print("killed", flush=True)
"""


class Saver:
    """The process that saves."""

    def __init__(self, kind: str, folder: Path, steps: str) -> None:
        command = [sys.executable, "-c", SAVER, kind, str(folder), steps, str(folder.parent / "source")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._told() == "ready"

    def _told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def save_and_die(self, generation: int, seconds: float) -> None:
        """Let a twin save from a generation on, and kill it after a while."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{generation}\n")
        self.process.stdin.flush()
        twin = int(self._told())
        time.sleep(seconds)
        os.kill(twin, signal.SIGKILL)
        assert self._told() == "killed"

    def end(self) -> None:
        """No more twins."""
        self.process.communicate()


def generations(kind: str, folder: Path) -> set[str]:
    """What everything in a folder says of which generation it is, read as users do."""
    found: set[str] = set()
    if kind != "processor":
        model = speechgraft.load(folder)
        found |= {f"{value:g}" for parameter in model.parameters() for value in parameter.flatten().tolist()}
        found.add(model.config.name_or_path)
    if kind != "model":
        processor = Wav2Vec2Processor.from_pretrained(folder)
        found.add(f"{processor.feature_extractor.padding_value:g}")
        found.add(str(processor.tokenizer.model_max_length))
        found |= {token[1:-1] for token in processor.tokenizer.get_vocab() if token[1:-1].isdigit()}
        described = json.loads((folder / "processor_config.json").read_text())
        found.add(f"{described['feature_extractor']['padding_value']:g}")
    if kind in ("bundle", "convert"):
        Transcriber.from_pretrained(folder)
    return found


def check_kills(kind: str, steps: str, folder: Path, moments: int) -> int:
    """Kill at so many moments; how many generations were found."""
    chance, seen = random.Random(kind), {"1"}
    saver = Saver(kind, folder, steps)
    for number in range(moments):
        saver.save_and_die(2 + 1_000 * number, chance.uniform(0.0, 0.15))
        repair(folder)
        [found] = generations(kind, folder)
        seen.add(found)
    saver.end()
    left = {path.name for path in folder.parent.iterdir() if not path.name.startswith("source")}
    assert folder.name in left and not any(name.endswith(".old") for name in left)
    return len(seen)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.mark.parametrize("kind", ["bundle", "model"])
def test_a_killed_save_leaves_a_whole_checkpoint(kind: str, folder: Path) -> None:
    assert check_kills(kind, "one-step", folder, 4) > 1


@pytest.mark.long
@pytest.mark.parametrize("steps", ["one-step", "two-steps"])
@pytest.mark.parametrize("kind", ["bundle", "model", "processor", "convert"])
def test_a_save_killed_at_fifty_moments_leaves_a_whole_checkpoint(kind: str, steps: str, folder: Path) -> None:
    assert check_kills(kind, steps, folder, 50) > (1 if kind == "convert" else 3)
