"""`check` foretells what `pair` does, without weights; problems come all at once, with paths."""

from __future__ import annotations

import copy
import json
import pickle
import re
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, rename
from speechgraft.config import Config, ConfigAdapter, config_class, field
from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.errors import ConfigError, IncompatiblePairError, RoutingError, SpeechGraftError, UnknownPluginError
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.bert.config import BertConfig
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config
from speechgraft.registry import Catalog, EncoderEntry, Origin, check, default_catalog, pair

torch.set_num_threads(1)


def tiny(role: str, name: str) -> dict[str, Any]:
    entry = default_catalog().encoder(name) if role == "encoder" else default_catalog().decoder(name)
    return dict(entry.tiny)


ENCODER, DECODER = tiny("encoder", "wav2vec2"), tiny("decoder", "bert")


def tiny_check(**options: Any) -> Any:
    encoder, decoder = options.pop("encoder", {}), options.pop("decoder", {})
    return check("wav2vec2", "bert", encoder={**ENCODER, **encoder}, decoder={**DECODER, **decoder}, **options)


def tiny_pair(**options: Any) -> Any:
    encoder, decoder = options.pop("encoder", {}), options.pop("decoder", {})
    return pair("wav2vec2", "bert", encoder={**ENCODER, **encoder}, decoder={**DECODER, **decoder}, **options)


OPTIONS = st.fixed_dictionaries(
    {
        "encoder": st.fixed_dictionaries(
            {},
            optional={
                "hidden_size": st.sampled_from([16, 24, 17, 0]),
                "num_hidden_layers": st.integers(0, 2),
                "add_adapter": st.booleans(),
                "output_hidden_size": st.sampled_from([None, 12, 16]),
                "conv_stride": st.sampled_from([(4, 2, 2), (5, 1, 1), (4, 2)]),
            },
        ),
        "decoder": st.fixed_dictionaries(
            {},
            optional={
                "hidden_size": st.sampled_from([16, 20, 21]),
                "cross_attention_hidden_size": st.sampled_from([None, 12, 16, 24]),
                "vocab_size": st.sampled_from([7, 37]),
                "tie_word_embeddings": st.booleans(),
            },
        ),
        "ctc_vocab_size": st.sampled_from([None, 7]),
    }
)


@settings(max_examples=25, deadline=None)
@given(OPTIONS)
def test_check_agrees_with_building_and_running(options: dict[str, Any]) -> None:
    report = tiny_check(**copy.deepcopy(options))
    try:
        model = tiny_pair(**options).eval()
    except SpeechGraftError:
        assert not report.ok
        return
    assert report.ok, report
    assert report.total == sum(parameter.numel() for parameter in model.parameters())
    assert (report.projection is None) == (model.enc_to_dec_proj is None)
    samples = report.minimum_length + 3 * report.stride
    out = model(torch.randn(2, samples), decoder_input_ids=torch.ones(2, 3, dtype=torch.int64))
    assert out.encoder_last_hidden_state.shape == (2, 4, report.memory_size)
    assert out.logits.shape == (2, 3, report.vocab_size)


def test_base_sizes() -> None:
    report = check("wav2vec2", "bert")
    assert report.ok
    assert (report.stride, report.minimum_length, report.input_kind) == (320, 400, "waveform")
    assert (report.encoder_size, report.memory_size, report.decoder_size) == (768, 768, 768)
    assert report.projection is None
    assert report.cross_attention == "injected"
    # Each of 12 layers: query, key, value and output of 768 x 768 with biases, and a layer norm.
    assert report.injected_parameters == 12 * (4 * (768 * 768 + 768) + 2 * 768)
    assert report.unset_tokens == ("decoder_start_token_id", "eos_token_id")
    assert report.max_positions == 512


def test_check_tries_attention_in_float32_too() -> None:
    report = check(
        "wav2vec2", "gpt2", encoder=ENCODER, decoder={**tiny("decoder", "gpt2"), "reorder_and_upcast_attn": True}
    )
    assert report.ok and not report.notes, report


def test_check_makes_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[torch.Size] = []
    register = nn.Module.register_parameter

    def noted(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None and parameter.device.type != "meta":
            made.append(parameter.shape)
        register(module, name, parameter)

    monkeypatch.setattr(nn.Module, "register_parameter", noted)
    assert tiny_check(ctc_vocab_size=5).ok
    assert made == []


def test_problems_of_both_parts_come_together_with_paths() -> None:
    report = tiny_check(encoder={"hidden_size": "16", "num_attention_head": 2}, decoder={"hidden_act": "gleu"})
    assert not report.ok
    told = "\n".join(report.problems)
    assert all(
        path in told for path in ("$.encoder.hidden_size", "$.encoder.num_attention_head", "$.decoder.hidden_act")
    )
    with pytest.raises(ConfigError) as error:
        tiny_pair(encoder={"hidden_size": "16", "num_attention_head": 2}, decoder={"hidden_act": "gleu"})
    assert error.value.problems == report.problems


def test_options_reach_their_part_by_prefix_or_by_dictionary() -> None:
    report = tiny_check(encoder_add_adapter=True, ctc_vocab_size=9, pad_token_id=0, eos_token_id=2)
    assert report.parameters["ctc_head"] == 9 * (16 + 1)
    assert report.parameters["encoder"] > tiny_check().parameters["encoder"]
    assert report.unset_tokens == ("decoder_start_token_id",)
    model = tiny_pair(decoder_start_token_id=1)
    assert model.config.decoder_start_token_id == 1
    assert model.config.decoder.is_decoder and model.config.decoder.add_cross_attention


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ctc_vocab_sise": 9}, "did you mean 'ctc_vocab_size'"),
        ({"encoder_hiden_size": 9}, "did you mean 'encoder_hidden_size'"),
        ({"keep_ctc_head": True}, "unknown option 'keep_ctc_head': from_encoder_decoder_pretrained takes it"),
        ({"ignore_mismatched_sizes": True}, "unknown option 'ignore_mismatched_sizes': from_pretrained takes it"),
        ({"encoder_hidden_size": 16}, "'hidden_size' of the encoder was passed twice"),
    ],
)
def test_a_misrouted_option_is_refused_by_both(options: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in tiny_check(**options).problems)
    with pytest.raises(RoutingError) as error:
        tiny_pair(**options)
    assert says in str(error.value)


def test_configs_are_taken_and_not_changed() -> None:
    encoder, decoder = Wav2Vec2Config(**ENCODER), BertConfig(**DECODER)
    before = encoder.copy(), decoder.copy()
    assert check("wav2vec2", "bert", encoder=encoder, decoder=decoder, decoder_num_hidden_layers=1).ok
    model = pair("wav2vec2", "bert", encoder=encoder, decoder=decoder)
    assert (encoder, decoder) == before
    assert model.config.encoder == encoder
    report = check("wav2vec2", "bert", encoder=decoder)
    assert "expected options or a Wav2Vec2Config, got a BertConfig" in report.problems[0]
    report = check("wav2vec2", "bert", encoder=3)  # type: ignore[arg-type]
    assert "got a int" in report.problems[0]


def test_a_memory_of_another_width_is_refused() -> None:
    options = {"decoder": {"cross_attention_hidden_size": 12}}
    assert "cross_attention_hidden_size" in tiny_check(**options).problems[0]
    with pytest.raises(IncompatiblePairError):
        tiny_pair(**options)


def test_tokens_that_the_decoder_has_not_are_problems() -> None:
    report = tiny_check(decoder={"vocab_size": 13}, eos_token_id=102, decoder_start_token_id=-1)
    assert [problem.split(":")[0] for problem in report.problems] == ["$.decoder_start_token_id", "$.eos_token_id"]


def test_an_unknown_name_is_raised_by_both() -> None:
    for function in (check, pair):
        with pytest.raises(UnknownPluginError, match="did you mean 'bert'"):
            function("wav2vec2", "brt")


def test_a_report_prints_pickles_and_is_json() -> None:
    report = tiny_check(encoder={"hidden_size": 24})
    text = str(report)
    assert text.startswith("wav2vec2 + bert: they fit\n")
    assert "24 -> 16" in text and "injected" in text and f"{report.total:,} parameters" in text
    assert pickle.loads(pickle.dumps(report)) == report
    assert json.loads(json.dumps(report.to_dict()))["projection"] == [24, 16]
    bad = tiny_check(encoder={"hidden_size": 0})
    assert "they cannot be paired" in str(bad) and "problem" in str(bad)


@config_class
class ToyConfig(Config):
    """The config of an encoder that somebody else wrote."""

    model_type: ClassVar[str] = "toy"

    size: int = field(default=6)
    """Width of the frames."""

    promised: int = field(default=6)
    """Width that the module says its frames have."""

    fault: str = field(default="")
    """What goes wrong."""


@config_class
class OtherConfig(Config):
    """Another config."""

    model_type: ClassVar[str] = "other"


class ToyEncoder(Encoder):
    """Every second sample is a frame."""

    input_kind = "waveform"

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        if config.fault == "build":
            raise ValueError("no toys today")
        self.config = config
        self.output_size = config.promised
        self.input_kind = "features" if config.fault == "kind" else "waveform"
        self.linear = nn.Linear(1, config.size)

    @property
    def minimum_length(self) -> int:
        return 2

    @property
    def feature_encoder(self) -> nn.Module | None:
        return None

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        return input_lengths // 2

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        if self.config.fault == "run":
            raise ValueError("no toys today")
        if self.config.fault == "values" and inputs.sum().item() > 1e9:
            raise AssertionError
        frames = self.linear(inputs[:, 1::2, None])
        mask = None if attention_mask is None else length_mask(lengths_of(attention_mask) // 2, frames.shape[1])
        return EncoderOutput(last_hidden_state=frames, frame_mask=mask)

    def init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def toy_weights(config: ToyConfig) -> WeightMap:
    known = "linear.weight" if config.fault == "bias" else "linear.{p}"
    return WeightMap([rename(known, known)])


@pytest.fixture
def toys() -> Iterator[Catalog]:
    """What is installed, and an encoder of a third party."""
    module = ModuleType("toy_encoder")
    vars(module).update(
        ToyConfig=ToyConfig, ToyEncoder=ToyEncoder, ADAPTER=ConfigAdapter(ToyConfig), weights=toy_weights
    )
    vars(module).update(OTHER=ConfigAdapter(OtherConfig))
    sys.modules["toy_encoder"] = module
    entry = EncoderEntry(
        name="toy",
        config="toy_encoder:ToyConfig",
        adapter="toy_encoder:ADAPTER",
        factory="toy_encoder:ToyEncoder",
        weights="toy_encoder:weights",
        input_kind="waveform",
        stride=2,
        tiny={},
    )
    yield default_catalog().extended(Origin("toy", "toy-package", "1.0"), [entry])
    del sys.modules["toy_encoder"]


def test_another_packages_encoder_is_paired(toys: Catalog) -> None:
    report = check("toy", "bert", decoder=DECODER, catalog=toys)
    assert report.ok, report
    assert (report.stride, report.minimum_length, report.projection) == (2, 2, (6, 16))
    model = pair("toy", "bert", decoder=DECODER, catalog=toys)
    assert model(torch.randn(1, 8), decoder_input_ids=torch.ones(1, 2, dtype=torch.int64)).logits.shape == (1, 2, 37)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fault": "build"}, "building the pair fails: ValueError: no toys today"),
        ({"fault": "run"}, "running the pair fails: ValueError: no toys today"),
        ({"fault": "kind"}, "registered with input_kind 'waveform', but its module has 'features'"),
        ({"fault": "kind"}, "ToyEncoder takes features, but its feature_size is None"),
        ({"promised": 7}, "running the pair fails"),
        ({"promised": 16}, "running the pair fails"),
    ],
)
def test_what_is_wrong_with_somebody_elses_encoder_is_told(
    toys: Catalog, options: Mapping[str, Any], says: str
) -> None:
    report = check("toy", "bert", encoder=options, decoder=DECODER, catalog=toys)
    assert any(says in problem for problem in report.problems), report


def test_an_encoder_that_needs_values_is_not_accused(toys: Catalog) -> None:
    report = check("toy", "bert", encoder={"fault": "values"}, decoder=DECODER, catalog=toys)
    assert report.ok
    assert "cannot run without values" in report.notes[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"weights": "toy_encoder:wieghts"}, "cannot load its weights: .*has no 'wieghts'; did you mean 'weights'"),
        ({"weights": "builtins:id"}, "weights 'builtins:id' gives [0-9]+, which is no WeightMap"),
        ({"weights": "builtins:len"}, "encoder 'toy': its weight map fails: TypeError: "),
        ({"adapter": "toy_encoder:ADAPTOR"}, "cannot load its adapter: .*did you mean 'ADAPTER'"),
        ({"adapter": "toy_encoder:OTHER"}, "adapter 'toy_encoder:OTHER' is that of OtherConfig, not of ToyConfig"),
    ],
)
def test_what_could_not_be_saved_or_loaded_is_told_before_it_is_trained(
    toys: Catalog, changes: Mapping[str, str], says: str
) -> None:
    catalog = Catalog().extended(toys.origin("encoder", "toy"), [evolve(toys.encoder("toy"), **changes)])
    catalog = catalog.extended(toys.origin("decoder", "bert"), decoders=[toys.decoder("bert")])
    report = check("toy", "bert", decoder=DECODER, catalog=catalog)
    (problem,) = report.problems
    assert re.search(says, problem), problem
    assert report.encoder_size == 6  # what can be told is told


def test_a_parameter_without_a_name_on_disk_is_told_before_it_is_trained(toys: Catalog) -> None:
    report = check("toy", "bert", encoder={"fault": "bias"}, decoder=DECODER, catalog=toys)
    says = "encoder 'toy': no row of its weight map knows linear.bias, so that the pair could not be saved"
    assert report.problems == (says,)


def test_an_entry_by_another_name_than_its_model_type_is_told(toys: Catalog) -> None:
    renamed = evolve(toys.encoder("toy"), name="doll")
    catalog = toys.extended(Origin("doll", "dolls", "1.0"), [renamed])
    (problem,) = check("doll", "bert", decoder=DECODER, catalog=catalog).problems
    assert problem.startswith("encoder 'doll': ToyConfig has the model_type 'toy', expected 'doll'")


def test_a_decoder_and_a_connector_are_asked_too(toys: Catalog) -> None:
    parts = [evolve(part, weights="builtins:len") for part in (toys.decoder("bert"), toys.connector("mlp"))]
    catalog = Catalog().extended(Origin("toy", "toys", "1.0"), [toys.encoder("toy")], [parts[0]], [parts[1]])
    problems = check("toy", "bert", connector="mlp", decoder=DECODER, catalog=catalog).problems
    assert [problem.split(":")[0] for problem in problems] == ["decoder 'bert'", "connector 'mlp'"]
