"""Each connector is what its page says, and a pair with it is saved, trained and searched as any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from speechgraft.errors import ConfigError, RoutingError, UnknownPluginError
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.connectors.config import ConvConfig, LinearConfig, MLPConfig, StackConfig
from speechgraft.registry import check, default_catalog, pair
from speechgraft.registry.models import SpeechEncoderDecoderModel

CATALOG = default_catalog()
NAMES = CATALOG.list_connectors()
PARTS = {"encoder": dict(CATALOG.encoder("wav2vec2").tiny), "decoder": dict(CATALOG.decoder("bert").tiny)}
TOKENS = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}

torch.manual_seed(0)
X = torch.randn(2, 400, dtype=torch.float64)
MASK = length_mask(torch.tensor([400, 230]), 400).long()
LABELS = torch.tensor([[5, 6, 2], [7, 2, -100]])
FRAMES = torch.randn(2, 7, 6, dtype=torch.float64)
COUNTED = length_mask(torch.tensor([7, 4]), 7)


def make(connector: Any = None, **options: Any) -> SpeechEncoderDecoderModel:
    torch.manual_seed(1)
    model = pair("wav2vec2", "bert", connector=connector, **{**PARTS, **TOKENS, **options})
    assert isinstance(model, SpeechEncoderDecoderModel)
    return model.double().eval()


def build(config: Any, input_size: int = 6, output_size: int = 5) -> Any:
    torch.manual_seed(2)
    return CATALOG.connector(config.model_type).build(config, input_size, output_size).double().eval()


def test_linear_is_a_projection_or_nothing() -> None:
    connector = build(LinearConfig())
    memory, mask = connector(FRAMES, COUNTED)
    assert torch.equal(memory, F.linear(FRAMES, connector.projection.weight, connector.projection.bias))
    assert mask is COUNTED
    same = build(LinearConfig(), 6, 6)
    assert same(FRAMES, COUNTED) == (FRAMES, COUNTED) and not list(same.parameters())


def test_stack_lays_frames_side_by_side_and_fills_up_with_zeros() -> None:
    connector = build(StackConfig(num_frames=3))
    memory, mask = connector(FRAMES, COUNTED)
    frames = torch.where(COUNTED[..., None], FRAMES, 0.0)
    stacked = F.pad(frames, (0, 0, 0, 2)).reshape(2, 3, 18)
    torch.testing.assert_close(memory, connector.projection(stacked), rtol=0, atol=1e-12)
    assert mask.tolist() == [[True, True, True], [True, True, False]]
    assert connector.output_lengths(torch.arange(1, 8)).tolist() == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (5, 3), (1, 1)])
def test_conv_sees_each_group_and_what_is_around_it(kernel: int, stride: int) -> None:
    """By hand: the window of a group begins half of what the kernel has over before it, with zeros beyond the row."""
    connector = build(ConvConfig(num_layers=1, kernel_size=kernel, stride=stride, hidden_act="tanh"))
    memory, mask = connector(FRAMES, COUNTED)
    weight, bias = connector.convs[0].conv.weight, connector.convs[0].conv.bias
    for row, length in enumerate((7, 4)):
        groups = -(-length // stride)
        assert mask[row].tolist() == [group < groups for group in range(memory.shape[1])]
        for group in range(groups):
            total = bias.clone()
            for place in range(kernel):
                frame = group * stride - (kernel - stride) // 2 + place
                if 0 <= frame < length:
                    total = total + weight[:, :, place] @ FRAMES[row, frame]
            expected = connector.projection(torch.tanh(total))
            torch.testing.assert_close(memory[row, group], expected, rtol=0, atol=1e-12)


def test_mlp_is_a_norm_and_two_layers() -> None:
    connector = build(MLPConfig(hidden_size=4, hidden_act="relu"))
    expected = connector.outer(F.relu(connector.inner(F.layer_norm(FRAMES, (6,)))))
    torch.testing.assert_close(connector(FRAMES, None)[0], expected, rtol=0, atol=1e-12)
    assert build(MLPConfig(norm="none")).norm is None


def test_a_kernel_shorter_than_its_stride_is_refused() -> None:
    with pytest.raises(ConfigError, match="kernel_size: 2 is less than the stride of 3"):
        ConvConfig(kernel_size=2, stride=3)


def test_without_a_choice_folders_are_those_of_published_checkpoints(tmp_path: Path) -> None:
    decoder = {**PARTS["decoder"], "hidden_size": 24}
    make(decoder=decoder).save_pretrained(tmp_path)
    assert "connector" not in json.loads((tmp_path / "config.json").read_text())
    disk = load_file(tmp_path / "model.safetensors")
    assert disk["enc_to_dec_proj.weight"].shape == (24, 16) and disk["enc_to_dec_proj.bias"].shape == (24,)
    assert not [name for name in disk if name.startswith("connector")]
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    SpeechEncoderDecoderModel.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_linear_by_name_has_the_same_weights_on_disk_as_by_default(tmp_path: Path) -> None:
    decoder = {**PARTS["decoder"], "hidden_size": 24}
    default, chosen = make(decoder=decoder), make("linear", decoder=decoder)
    for name, model in (("default", default), ("chosen", chosen)):
        model.save_pretrained(tmp_path / name)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("default", "chosen"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert default.enc_to_dec_proj is not None and chosen.enc_to_dec_proj is not None
    assert make("mlp").enc_to_dec_proj is None


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_learns_and_searches_through_any_connector(name: str, tmp_path: Path) -> None:
    model = make(name, ctc_vocab_size=37)
    output = model(X, MASK, labels=LABELS)
    lengths = model.connector.output_lengths(model.encoder.output_lengths(torch.tensor([400, 230])))
    assert output.encoder_frame_mask.sum(dim=1).tolist() == lengths.tolist()
    assert output.encoder_last_hidden_state.shape == (2, int(lengths.max()), 16)
    assert output.ctc_logits.shape[1] == 24  # the head hears the encoder's own frames
    (output.loss + output.ctc_loss).backward()
    assert all(parameter.grad is not None for parameter in model.connector.parameters())
    for search in ({"num_beams": 1}, {"num_beams": 3}, {"num_beams": 2, "ctc_weight": 0.3}):
        batch = model.generate(X, attention_mask=MASK, max_new_tokens=4, **search)
        alone = model.generate(X[1:, :230], max_new_tokens=4, **search)
        assert batch[1, : alone.shape[1]].tolist() == alone[0].tolist()
    model.save_pretrained(tmp_path)
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    assert loaded.config.connector == model.config.connector
    # Matrix products may round otherwise where memory is aligned otherwise, as in a mapped file.
    torch.testing.assert_close(loaded(X, MASK, labels=LABELS).logits, output.logits, rtol=0, atol=1e-12)


def test_a_connector_is_chosen_by_name_options_or_config() -> None:
    config = StackConfig(num_frames=2)
    for choice in (config, {"model_type": "stack", "num_frames": 2}):
        assert make(choice).config.connector == config
    model = make("stack", connector_num_frames=2)
    assert model.config.connector == config and model.config.connector is not config
    with pytest.raises(ConfigError, match="num_frames: it shaped this model"):
        model.config.connector.num_frames = 3


@pytest.mark.parametrize(
    ("choice", "options", "says"),
    [
        (None, {"connector_stride": 2}, "unknown option 'connector_stride': pass connector too"),
        ("conv", {"connector_strid": 2}, "did you mean 'connector_stride'"),
        ({"model_type": "conv", "stride": 2}, {"connector_stride": 2}, "'stride' of the connector was passed twice"),
        ("conv", {"connector_stride": "2"}, "$.connector.stride: expected an integer"),
        ({"model_type": "conv", "strid": 2}, {}, "$.connector.strid: ConvConfig has no such field"),
        ({"stride": 2}, {}, "expected a name, a config, or options with a model_type, got {'stride': 2}"),
        (3, {}, "expected a name, a config, or options with a model_type, got 3"),
        ("conf", {}, "no connector is named 'conf'; did you mean 'conv'"),
    ],
)
def test_what_is_wrong_with_a_choice_is_said(choice: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises((ConfigError, RoutingError, UnknownPluginError)) as error:
        make(choice, **options)
    assert says in str(error.value)


def test_a_folder_with_a_wrong_connector_says_where(tmp_path: Path) -> None:
    make("conv").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "connector": {**data["connector"], "stride": 0}}))
    with pytest.raises(ConfigError, match=r"\$\.connector\.stride: expected a value above 0, got 0"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path)


def test_options_of_a_saved_connector_may_be_changed_on_loading(tmp_path: Path) -> None:
    make("mlp").save_pretrained(tmp_path)
    model = SpeechEncoderDecoderModel.from_pretrained(tmp_path, connector_layer_norm_eps=0.1)
    assert model.config.connector == MLPConfig(layer_norm_eps=0.1)


def test_pretrained_parts_are_joined_by_a_new_connector(tmp_path: Path) -> None:
    from speechgraft.plugins.wav2vec2.models import Wav2Vec2Model

    model = make()
    Wav2Vec2Model(model.config.encoder).save_pretrained(tmp_path)
    joined = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path, decoder_model=model.decoder, connector="conv", connector_num_layers=1, **TOKENS
    )
    assert joined.config.connector == ConvConfig(num_layers=1)
    assert all(not parameter.isnan().any() for parameter in joined.connector.parameters())


def test_the_report_says_how_the_memory_is_made() -> None:
    report = check("wav2vec2", "bert", connector="stack", connector_num_frames=3, **PARTS)
    assert (report.connector, report.memory_stride, report.projection) == ("stack", 3 * report.stride, None)
    assert report.parameters["connector"] == 3 * 16 * 16 + 16
    assert f"stack, 16 -> 16, a frame of memory every {3 * report.stride} samples" in str(report)
    assert "$.connector.num_frames" in check("wav2vec2", "bert", connector="stack", connector_num_frames=0).problems[0]
