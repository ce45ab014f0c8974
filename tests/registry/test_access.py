"""What published code asks of any model: embeddings, another vocabulary, switches, keywords of loading, an upload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import speechgraft as sg
from speechgraft.checkpoint import open_tensors
from speechgraft.errors import CheckpointError, ConfigError, InputError, RoutingError
from speechgraft.registry import default_catalog
from speechgraft.registry.published import taken_out_of

IDS = torch.tensor([[1, 4, 5], [3, 6, 7]])
TOKENS = {"pad_token_id": 0, "decoder_start_token_id": 1}


def pair(decoder: str = "bert", encoder: str = "hubert", tied: bool = True, **options: Any) -> Any:
    catalog = default_catalog()
    parts = {
        "encoder": dict(catalog.encoder(encoder).tiny),
        "decoder": {**catalog.decoder(decoder).tiny, "tie_word_embeddings": tied},
    }
    torch.manual_seed(0)
    return sg.pair(encoder, decoder, **parts, **TOKENS, **options).eval()


def sound() -> torch.Tensor:
    return torch.randn(2, 900, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("decoder", ["bart", "bert", "gpt2"])
def test_more_tokens_leave_the_others_as_they_were(tmp_path: Path, decoder: str, tied: bool) -> None:
    model = pair(decoder, tied=tied, ctc_vocab_size=default_catalog().decoder(decoder).tiny_config().vocab_size)
    before, old = model(sound(), decoder_input_ids=IDS), model.decoder.vocab_size
    table = model.resize_token_embeddings(old + 5)
    assert table is model.get_input_embeddings() and table.num_embeddings == old + 5
    assert model.config.decoder.vocab_size == model.decoder.vocab_size == model.config.ctc_vocab_size == old + 5
    after = model(sound(), decoder_input_ids=IDS)
    for name in ("logits", "ctc_logits"):
        torch.testing.assert_close(after[name][..., :old], before[name])
        assert after[name].shape[-1] == old + 5
    assert model(sound(), labels=IDS + old - 3).loss.isfinite()  # the new tokens are ones
    model.save_pretrained(tmp_path)
    again = sg.load(tmp_path)
    assert torch.equal(again(sound(), decoder_input_ids=IDS).logits, after.logits)
    model.resize_token_embeddings(old)
    torch.testing.assert_close(model(sound(), decoder_input_ids=IDS).logits, before.logits)


def test_new_rows_are_near_the_mean_or_as_in_a_new_model() -> None:
    near, fresh = pair(), pair()
    old = near.decoder.vocab_size
    mean = near.get_input_embeddings().weight.mean(dim=0)
    rows = near.resize_token_embeddings(old + 70).weight[old:]
    torch.testing.assert_close(rows, mean.expand_as(rows), atol=1e-4, rtol=0)
    assert len(rows.unique(dim=0)) == 70
    spread = fresh.resize_token_embeddings(old + 70, mean_resizing=False).weight[old:].detach().std()
    assert 0.015 < float(spread) < 0.025  # initializer_range is 0.02


def test_numbers_of_tokens_are_made_multiples() -> None:
    model = pair()
    assert model.resize_token_embeddings(pad_to_multiple_of=16).num_embeddings == 48
    assert model.resize_token_embeddings().num_embeddings == 48
    frozen = model.get_input_embeddings().weight.requires_grad_(False)
    assert (
        not model.resize_token_embeddings(50).weight.requires_grad and frozen is not model.get_input_embeddings().weight
    )
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(InputError, match="expected a positive whole number"):
            model.resize_token_embeddings(wrong)


def test_a_token_of_the_config_does_not_go() -> None:
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8}
    model = sg.BertLMHeadModel(sg.BertConfig(vocab_size=9, pad_token_id=8, is_decoder=True, **sizes))
    with pytest.raises(ConfigError, match="pad_token_id: 8 is not one of the 4 tokens of the vocabulary"):
        model.resize_token_embeddings(4)
    assert model.config.vocab_size == model.get_input_embeddings().num_embeddings == 9


def test_a_pair_of_texts_is_asked_which() -> None:
    model = pair(encoder="bert")
    with pytest.raises(InputError, match=r"model.encoder.resize_token_embeddings\(...\) or model.decoder"):
        model.resize_token_embeddings(50)
    assert model.get_input_embeddings() is model.encoder.get_input_embeddings()
    assert model.encoder.resize_token_embeddings(50).num_embeddings == model.config.encoder.vocab_size == 50
    assert model(input_ids=IDS + 40, labels=IDS).loss.isfinite()
    assert model.get_encoder() is model.encoder and model.get_decoder() is model.decoder


def test_embeddings_are_exchanged() -> None:
    tied, own = pair(), pair(tied=False)
    assert tied.get_output_embeddings() is tied.get_input_embeddings()
    table = nn.Embedding(*tied.get_input_embeddings().weight.shape)
    tied.set_input_embeddings(table)
    assert tied.get_output_embeddings().weight is table.weight
    with pytest.raises(InputError, match="tied to the token embedding: set_input_embeddings sets both"):
        tied.set_output_embeddings(table)
    layer = nn.Linear(table.embedding_dim, table.num_embeddings)
    own.set_output_embeddings(layer)
    found = own.get_output_embeddings()
    assert found.weight is layer.weight and found.bias is layer.bias
    with pytest.raises(InputError, match=r"shape \(3, 16\), expected \(37, 16\); resize_token_embeddings"):
        own.set_input_embeddings(nn.Embedding(3, 16))


def test_a_model_without_tokens_says_so() -> None:
    model = sg.HubertModel(default_catalog().encoder("hubert").tiny_config())
    assert model.get_output_embeddings() is None
    with pytest.raises(InputError, match="HubertEncoder has no token embedding"):
        model.resize_token_embeddings(9)
    with pytest.raises(InputError, match="HubertModel has no output layer over tokens"):
        model.set_output_embeddings(nn.Linear(2, 3))


def test_parameters_are_counted() -> None:
    model = pair()
    tables = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Embedding))
    assert model.num_parameters() - model.num_parameters(exclude_embeddings=True) == tables > 0
    model.freeze_feature_encoder()
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert model.num_parameters() - model.num_parameters(only_trainable=True) == frozen > 0
    again = pair()
    with pytest.warns(FutureWarning, match="freeze_feature_encoder"):
        again.freeze_feature_extractor()
    assert again.num_parameters(only_trainable=True) == model.num_parameters(only_trainable=True)


def test_attention_is_computed_as_it_is_chosen() -> None:
    model = pair()
    fused = model(sound(), decoder_input_ids=IDS).logits
    model.set_attn_implementation("eager")
    attentions = [module for module in model.modules() if hasattr(module, "fused")]
    assert attentions and not any(module.fused for module in attentions)
    out = model(sound(), decoder_input_ids=IDS)
    assert out.cross_attentions is None
    torch.testing.assert_close(out.logits, fused)
    model.set_attn_implementation({"decoder": "sdpa"})
    assert {module.fused for module in model.decoder.modules() if hasattr(module, "fused")} == {True}
    assert {module.fused for module in model.encoder.modules() if hasattr(module, "fused")} == {False}
    with pytest.raises(InputError, match="'flash_attention_2', expected 'sdpa' or 'eager'"):
        model.set_attn_implementation("flash_attention_2")
    with pytest.raises(InputError, match="names 'connector', but the parts here are encoder, decoder"):
        model.set_attn_implementation({"connector": "sdpa"})


def test_layers_are_recomputed_when_asked() -> None:
    model = pair()
    assert not model.is_gradient_checkpointing
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert model.is_gradient_checkpointing
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    with pytest.raises(InputError, match="use_reentrant=True"):
        model.gradient_checkpointing_enable({"use_reentrant": True})
    with pytest.raises(InputError, match="activation_checkpointing_disable"):
        model.gradient_checkpointing_enable(True)  # type: ignore[arg-type]


def test_some_layers_are_recomputed_when_asked() -> None:
    model = pair().train()
    model.activation_checkpointing_enable(every_n_layers=2)
    stacks = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    for stack in stacks:
        stack.layerdrop = 0.0
    layers = [layer for stack in stacks for layer in stack.layers]
    runs = dict.fromkeys(layers, 0)

    def count(layer: torch.nn.Module, inputs: object) -> None:
        runs[layer] += 1

    for layer in layers:
        layer.register_forward_pre_hook(count)
    model(sound(), decoder_input_ids=IDS, labels=IDS).loss.backward()
    assert layers and list(runs.values()) == [2 - index % 2 for stack in stacks for index in range(len(stack.layers))]
    model.activation_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    with pytest.raises(InputError, match="every_n_layers=0, expected a number of layers"):
        model.activation_checkpointing_enable(every_n_layers=0)
    with pytest.raises(InputError, match="offload=True is not offered"):
        model.activation_checkpointing_enable(offload=True)


def test_what_is_not_offered_says_what_is() -> None:
    with pytest.raises(InputError, match=r"prune_heads is not offered: .*num_attention_heads"):
        pair().prune_heads({0: [1]})
    with pytest.raises(InputError, match="safetensors are written"):
        pair().save_pretrained("nowhere", safe_serialization=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pair")
    pair().save_pretrained(place)
    return place


def test_published_keywords_of_loading_mean_what_they_say(folder: Path) -> None:
    load = sg.SpeechEncoderDecoderModel.from_pretrained
    for options in ({"torch_dtype": torch.bfloat16}, {"torch_dtype": "bfloat16"}, {"dtype": "bfloat16"}):
        assert load(folder, **options).dtype == torch.bfloat16
    assert load(folder, torch_dtype="auto").dtype == torch.float32
    for device in ("cpu", {"": "cpu"}, torch.device("cpu"), None):
        assert load(folder, device_map=device).device.type == "cpu"
    assert not load(folder, attn_implementation="eager").decoder.stack.layers[0].self_attention.fused
    anyway = {
        "low_cpu_mem_usage": True,
        "trust_remote_code": False,
        "use_safetensors": True,
        "output_loading_info": False,
    }
    assert load(pretrained_model_name_or_path=folder, **anyway).load_report is not None
    config = sg.SpeechEncoderDecoderConfig.from_pretrained(folder)
    config.decoder.pad_token_id = 3
    assert load(folder, config=config, decoder_bos_token_id=5).config.decoder.pad_token_id == 3
    assert load(folder, config=config, decoder_bos_token_id=5).config.decoder.bos_token_id == 5


@pytest.mark.parametrize(
    ("options", "instead"),
    [
        ({"trust_remote_code": True}, "install a plugin"),
        ({"use_safetensors": False}, "from_tf and from_flax"),
        ({"output_loading_info": True}, "model.load_report"),
        ({"device_map": "auto"}, "pass device='cuda:0'"),
        ({"load_in_8bit": True}, "pass dtype"),
        ({"use_auth_token": True}, "pass token"),
        ({"tie_encoder_decoder": True}, "weights of their own"),
        ({"variant": "fp16"}, "model.safetensors"),
        ({"dtype": torch.float16, "torch_dtype": torch.float16}, "they are one option"),
    ],
)
def test_keywords_that_mean_nothing_here_say_what_to_use(folder: Path, options: dict[str, Any], instead: str) -> None:
    with pytest.raises(RoutingError, match=instead):
        sg.SpeechEncoderDecoderModel.from_pretrained(folder, **options)


def test_pickles_are_no_safetensors(tmp_path: Path) -> None:
    """Who asks for safetensors alone wants no pickle read."""
    whole, part = tmp_path / "pair", tmp_path / "encoder"
    pair().save_pretrained(whole)
    sg.HubertModel(sg.HubertConfig(**dict(default_catalog().encoder("hubert").tiny))).save_pretrained(part)
    for each in (whole, part):
        torch.save(dict(open_tensors(each)), each / "pytorch_model.bin")
        (each / "model.safetensors").unlink()
    refused = r"in pytorch_model\.bin, but use_safetensors=True asks for"
    with pytest.raises(CheckpointError, match=refused):
        sg.SpeechEncoderDecoderModel.from_pretrained(whole, use_safetensors=True)
    with pytest.raises(CheckpointError, match=refused):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(part, whole, use_safetensors=True)
    assert sg.HubertModel.from_pretrained(part, use_safetensors=None).load_report is not None


def test_unusable_values_are_refused(folder: Path) -> None:
    load = sg.SpeechEncoderDecoderModel.from_pretrained
    with pytest.raises(InputError, match=r"dtype='half-ish', expected a torch\.dtype"):
        load(folder, dtype="half-ish")
    with pytest.raises(ConfigError, match="config is a BertConfig, expected a SpeechEncoderDecoderConfig"):
        load(folder, config=sg.BertConfig())
    assert load(folder, variant=None, quantization_config=None, use_safetensors=None, tie_encoder_decoder=False)
    for source in (None, 3, ""):
        with pytest.raises(InputError, match="is no checkpoint: pass a folder, or the id of a repository"):
            load(source)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="encoder_config='tiny', expected a config"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(folder, folder, encoder_config="tiny")


def test_a_model_is_uploaded_and_loaded_from_there(hub: Any, folder: Path) -> None:
    model = sg.load(folder)
    model.push_to_hub("me/pair", token="let-me-in", max_shard_size="20KB")
    assert "config.json" in hub.files("me/pair") and "model.safetensors.index.json" in hub.files("me/pair")
    again = sg.load("me/pair", token="let-me-in")
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    for token in ("wrong", False, True):
        with pytest.raises(CheckpointError, match=r"me/pair: it cannot be uploaded to the hub.*auth login`") as caught:
            model.push_to_hub("me/pair", token=token)
        assert "401" not in str(caught.value) and "\n" not in str(caught.value)


def test_device_maps_name_one_device() -> None:
    for given, expected in ((0, "cuda:0"), ("1", "cuda:1"), ({"": "cuda:1"}, "cuda:1"), ("mps", "mps"), (None, "cpu")):
        assert taken_out_of({"device_map": given}, "auto", "cpu").device == expected


@pytest.mark.parametrize("value", ["yes", 1, None, "model.ckpt"])
@pytest.mark.parametrize("option", ["from_tf", "from_flax"])
def test_whose_weights_they_are_is_true_or_false(folder: Path, option: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^{option}={value!r}, expected True or False"):
        sg.SpeechEncoderDecoderModel.from_pretrained(folder, **{option: value})
    with pytest.raises(InputError, match=rf"^encoder_{option}={value!r}, expected True or False"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(folder, folder, **{f"encoder_{option}": value})
    assert sg.SpeechEncoderDecoderModel.from_pretrained(folder, **{option: False})


@pytest.mark.parametrize(
    "name",
    ["SpeechEncoderDecoderModel", "EncoderDecoderModel", "HubertModel", "SEWForCTC", "BertModel", "BertLMHeadModel"],
)
def test_what_goes_in_and_whether_it_generates_is_as_published(name: str) -> None:
    ours, theirs = getattr(sg, name), getattr(transformers, name)
    assert ours.main_input_name == theirs.main_input_name
    assert ours.can_generate() == theirs.can_generate()


def test_models_tell_where_they_come_from(folder: Path) -> None:
    assert sg.load(folder).name_or_path == sg.load(str(folder)).name_or_path == str(folder)
    assert pair().name_or_path == "" and pair(name_or_path="me/pair").name_or_path == "me/pair"
