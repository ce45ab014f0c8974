"""What a third party's package brings (a connector, an extractor, a reader of tokenizers) is used as ours is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from attrs import evolve

from speechgraft.errors import UnknownPluginError
from speechgraft.hearing import load_parts
from speechgraft.registry import Catalog, check, collect, default_catalog, pair
from speechgraft.registry.discovery import built_in_plugins, installed_plugins
from speechgraft.registry.models import SpeechEncoderDecoderModel
from speechgraft.testing import cases

CONNECTOR = '''
from typing import ClassVar

import torch
from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, rename
from speechgraft.config import ConfigAdapter, Settings, config_class, field, positive
from speechgraft.contracts import Connector
from speechgraft.nn.init import init_common
from speechgraft.nn.shortening import blanked, filled_up, shortened_length, shortened_mask
from speechgraft.registry import ConnectorEntry, hookimpl


@config_class
class SumsConfig(Settings):
    """Sums of frames."""

    model_type: ClassVar[str] = "sums"

    every: int = field(default=2, validator=positive)
    """Frames that are added up."""


ADAPTER = ConfigAdapter(SumsConfig)


class Sums(Connector):
    """One frame of memory for each few frames: their sum, projected."""

    def __init__(self, config: SumsConfig, input_size: int, output_size: int) -> None:
        super().__init__()
        self.config, self.input_size, self.output_size = config, input_size, output_size
        self.out = nn.Linear(input_size, output_size)

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return shortened_length(lengths, self.config.every)

    def forward(self, hidden: Tensor, frame_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        every = self.config.every
        sums = filled_up(HIDDEN, every).unflatten(1, (-1, every)).sum(dim=2)
        return self.out(sums), None if frame_mask is None else shortened_mask(frame_mask, every)

    def init_weights(self, module: nn.Module) -> None:
        init_common(module, std=0.2)


def weight_map(config: SumsConfig) -> WeightMap:
    return WeightMap([rename("proj.{p}", "out.{p}")])


class Extractor:
    """Stands for an extractor of its own."""

    @classmethod
    def from_pretrained(cls, folder):
        return cls()


def read_tokenizer(folder):
    """Stands for a reader of its own."""
    return f"the tokenizer of {folder}"


@hookimpl
def speechgraft_connectors():
    yield ConnectorEntry(
        name="sums", config="toy_sums:SumsConfig", adapter="toy_sums:ADAPTER", factory="toy_sums:Sums",
        weights="toy_sums:weight_map", prefix="sums.", shortens=True, tiny={"every": 3}, summary="sums of frames",
    )
'''

MASKED, UNMASKED = "blanked(hidden, frame_mask)", "hidden"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an installed distribution that has one entry point."""
    default_catalog()  # is found once a process: before this distribution is
    info = tmp_path / "toy_sums-0.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-sums\nVersion: 0.7\n")
    (info / "entry_points.txt").write_text("[speechgraft]\nsums = toy_sums\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("toy_sums", None)


def found(site: Path, hidden: str = MASKED) -> Catalog:
    """The catalog with that distribution, whose connector hears `hidden`."""
    (site / "toy_sums.py").write_text(CONNECTOR.replace("HIDDEN", hidden))
    return collect([*built_in_plugins(), *(each for each in installed_plugins() if each.origin.plugin == "sums")])


def test_a_connector_is_registered_paired_saved_and_tried_by_the_kit(site: Path) -> None:
    catalog = found(site)
    assert not catalog.broken
    assert str(catalog.origin("connector", "sums")) == "toy-sums 0.7"
    parts = {"encoder": dict(catalog.encoder("sew").tiny), "decoder": dict(catalog.decoder("gpt2").tiny)}
    report = check("sew", "gpt2", connector="sums", connector_every=5, catalog=catalog, **parts)
    assert report.ok and report.memory_stride == 5 * (report.stride or 0)
    model = pair("sew", "gpt2", connector="sums", catalog=catalog, **parts).eval()
    model.save_pretrained(site / "pair")
    loaded = SpeechEncoderDecoderModel.from_pretrained(site / "pair", catalog=catalog)
    assert loaded.load_report is not None and "connector.out.weight" in loaded.load_report.loaded
    audio, ids = torch.randn(1, 500), torch.tensor([[1, 2]])
    found_logits, expected = (each(audio, decoder_input_ids=ids).logits for each in (loaded, model))
    torch.testing.assert_close(found_logits, expected)
    trials = [trial for trial in cases(catalog, "connector") if trial.entries[0].name == "sums"]
    assert len(trials) >= 8
    for trial in trials:
        trial.run(examples=2)


def test_the_kit_finds_a_connector_that_hears_the_padding(site: Path) -> None:
    entry = found(site, UNMASKED).connector("sums")
    wrong = []
    for trial in cases(Catalog(connectors={"sums": entry}), "connector"):
        if trial.property.cost > 1:
            continue
        try:
            trial.run(examples=20, shrink=False)
        except AssertionError as error:
            assert "connector 'sums'" in str(error)
            wrong.append(trial.property.name)
    assert wrong == ["P03_batch_invariance", "P04_mask"]


def test_extractor_and_tokenizer_are_read_as_the_entries_say(site: Path) -> None:
    catalog = found(site)
    encoder = evolve(catalog.encoder("wav2vec2"), extractor="toy_sums:Extractor")
    decoder = evolve(catalog.decoder("bert"), tokenizer="toy_sums:read_tokenizer")
    own = evolve(catalog, encoders={"wav2vec2": encoder}, decoders={"bert": decoder})
    pair("wav2vec2", "bert", encoder=dict(encoder.tiny), decoder=dict(decoder.tiny)).save_pretrained(site / "pair")
    parts = load_parts(site / "pair", dtype="auto", device="cpu", catalog=own)
    assert type(parts.extractor).__name__ == "Extractor"
    assert parts.tokenizer == f"the tokenizer of {site / 'pair'}"


def test_a_folder_whose_connector_is_not_installed_says_so(site: Path) -> None:
    catalog = found(site)
    parts = {"encoder": dict(catalog.encoder("sew").tiny), "decoder": dict(catalog.decoder("gpt2").tiny)}
    pair("sew", "gpt2", connector="sums", catalog=catalog, **parts).save_pretrained(site / "pair")
    with pytest.raises(UnknownPluginError, match="no connector is named 'sums'"):
        SpeechEncoderDecoderModel.from_pretrained(site / "pair")
