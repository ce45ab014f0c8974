"""Encoders under their published names: alone, with a CTC head, with a head for whole utterances; and pairs of them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import speechgraft as sg
from speechgraft.checkpoint import materialise
from speechgraft.checks import LARGEST_INPUT
from speechgraft.errors import CheckpointError, ConfigError, InputError, RoutingError
from speechgraft.registry import CTCModel, EncoderModel, SequenceClassificationModel, default_catalog

NAMES = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "sew": "SEW", "sew-d": "SEWD"}
PREFIXES = {"wav2vec2": "wav2vec2.", "hubert": "hubert.", "sew": "sew.", "sew-d": "sew_d."}
KINDS = {"Model": EncoderModel, "ForCTC": CTCModel, "ForSequenceClassification": SequenceClassificationModel}
ADAPTED = {"do_stable_layer_norm": True, "adapter_attn_dim": 3}
every_encoder = pytest.mark.parametrize("encoder", NAMES)
every_kind = pytest.mark.parametrize("kind", KINDS)

torch.manual_seed(0)
X = torch.randn(2, 300)
MASK = (torch.arange(300) < torch.tensor([300, 200])[:, None]).long()
LABELS = torch.tensor([[1, 2, 3], [4, -100, -100]])


def model_class(encoder: str, kind: str) -> Any:
    return getattr(sg, NAMES[encoder] + kind)


def tiny(encoder: str = "wav2vec2", kind: str = "ForCTC", **options: Any) -> Any:
    config = default_catalog().encoder(encoder).tiny_config().copy(**{"vocab_size": 7, **options})
    torch.manual_seed(1)
    return model_class(encoder, kind)(config).eval()


def names_in(folder: Path) -> set[str]:
    return set(load_file(folder / "model.safetensors"))


def same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0)


@every_encoder
@every_kind
def test_a_folder_holds_the_model_under_its_published_names(encoder: str, kind: str, tmp_path: Path) -> None:
    options = {"num_labels": 3, "use_weighted_layer_sum": True} if kind == "ForSequenceClassification" else {}
    model = tiny(encoder, kind, **options)
    assert isinstance(model, KINDS[kind])
    model.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["architectures"] == [NAMES[encoder] + kind]
    assert written["model_type"] == encoder
    heads = {
        "Model": set(),
        "ForCTC": {"lm_head.weight", "lm_head.bias"},
        "ForSequenceClassification": {
            "layer_weights",
            "projector.weight",
            "projector.bias",
            "classifier.weight",
            "classifier.bias",
        },
    }[kind]
    on_disk = names_in(tmp_path)
    assert heads <= on_disk
    prefixed = {name for name in on_disk if name.startswith(PREFIXES[encoder])}
    assert prefixed == (set() if kind == "Model" else on_disk - heads)
    back = type(model).from_pretrained(tmp_path)
    assert not back.training and back.load_report is not None and not back.load_report.made
    for name, value in model.state_dict().items():
        same(back.state_dict()[name], value)
    same(back(X, MASK)[0], model(X, MASK)[0])
    twin = pickle.loads(pickle.dumps(model))
    same(twin(X, MASK)[0], model(X, MASK)[0])


@every_encoder
def test_every_checkpoint_of_an_encoder_serves_every_model_of_it_and_the_report_says_what_is_new(
    encoder: str, tmp_path: Path
) -> None:
    for source in KINDS:
        tiny(encoder, source).save_pretrained(tmp_path / source)
        for kind in KINDS:
            model = model_class(encoder, kind).from_pretrained(tmp_path / source)
            report = model.load_report
            assert not report.missing and not report.unexpected
            new = {name.split(".")[0] for name in report.made}
            left = {name.split(".")[0] for name in report.ignored}
            heads = {"Model": set(), "ForCTC": {"lm_head"}, "ForSequenceClassification": {"projector", "classifier"}}
            assert new == (set() if kind == source else heads[kind])
            assert left == (set() if kind == source else heads[source])
            assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_the_model_keeps_a_copy_of_its_config() -> None:
    config = default_catalog().encoder("wav2vec2").tiny_config().copy(vocab_size=7)
    model = sg.Wav2Vec2ForCTC(config)
    assert model.config is not config and model.config == config and model.encoder.config is model.config
    model.config.ctc_loss_reduction = "mean"
    assert config.ctc_loss_reduction == "sum"
    with pytest.raises(ConfigError, match="vocab_size: it shaped this model"):
        model.config.vocab_size = 9


def test_what_a_model_cannot_be_built_from_is_refused() -> None:
    config = default_catalog().encoder("wav2vec2").tiny_config()
    with pytest.raises(ConfigError, match="HubertForCTC takes a HubertConfig, not a Wav2Vec2Config"):
        sg.HubertForCTC(config)
    with pytest.raises(ConfigError, match=r"Wav2Vec2ForCTC needs the number of tokens: set vocab_size"):
        sg.Wav2Vec2ForCTC(config.copy(vocab_size=None))
    with pytest.raises(ConfigError, match="needs a label or more: set num_labels in the config"):
        sg.Wav2Vec2ForSequenceClassification(config.copy(id2label={}))
    with pytest.raises(ConfigError, match="set add_adapter to false"):
        sg.Wav2Vec2ForSequenceClassification(config.copy(add_adapter=True))


def test_options_of_loading_change_the_config_and_are_checked(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    model = sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, ctc_loss_reduction="mean", layerdrop=0.25)
    assert (model.config.ctc_loss_reduction, model.config.layerdrop) == ("mean", 0.25)
    for misspelt, meant in (("layerdrp", "layerdrop"), ("target_lng", "target_lang"), ("revison", "revision")):
        with pytest.raises(RoutingError, match=f"^unknown option {misspelt!r}; did you mean {meant!r}") as caught:
            sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, **{misspelt: 0.25})
        assert "config.json" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"\$\.model_type: expected 'hubert', got 'wav2vec2'"):
        sg.HubertForCTC.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"lm_head.weight .* asks for \(12, 16\), the checkpoint has \(7, 16\)"):
        sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, vocab_size=12)
    other = sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, vocab_size=12, ignore_mismatched_sizes=True)
    assert other(X).logits.shape[-1] == 12
    assert set(other.load_report.made) == {"lm_head.weight", "lm_head.bias"}


def test_outputs_have_the_fields_of_the_pages_in_their_order() -> None:
    model = tiny()
    out = model(X, MASK, labels=LABELS, output_hidden_states=True, output_attentions=True)
    assert list(out) == ["loss", "logits", "hidden_states", "attentions", "frame_mask"]
    assert isinstance(model(X, return_dict=False), tuple)
    assert list(model(X)) == ["logits"]
    classifier = tiny(kind="ForSequenceClassification", use_weighted_layer_sum=True)
    out = classifier(X, MASK, labels=torch.tensor([0, 1]), output_attentions=True)
    assert list(out) == ["loss", "logits", "attentions"], "hidden states are used and not shown"
    assert "hidden_states" in classifier(X, output_hidden_states=True)


def test_freezing_leaves_the_head_to_train() -> None:
    for kind in ("ForCTC", "ForSequenceClassification"):
        model = tiny(kind=kind)
        model.freeze_feature_encoder()
        frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        assert frozen and all(name.startswith("encoder.features.convs") for name in frozen)
        assert model.num_parameters(only_trainable=True) < model.num_parameters()
        model.freeze_base_model()
        learning = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
        assert learning == ({"lm_head"} if kind == "ForCTC" else {"projector", "classifier"})


def test_micro_batches_add_up_to_the_batch() -> None:
    for reduction in ("sum", "mean"):
        model = tiny(ctc_loss_reduction=reduction).double()
        whole = model(X.double(), labels=LABELS, num_items_in_batch=4).loss
        parts = [model(X.double()[row : row + 1], labels=LABELS[row : row + 1], num_items_in_batch=4) for row in (0, 1)]
        torch.testing.assert_close(parts[0].loss + parts[1].loss, whole)
        summed = tiny(ctc_loss_reduction="sum").double()(X.double(), labels=LABELS).loss
        torch.testing.assert_close(whole * 4, summed)


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "integer audio": ({"input_values": X.long()}, "input_values are torch.int64"),
    "features for a waveform": ({"input_values": X[..., None]}, r"takes a waveform \(batch, samples\)"),
    "not a number": ({"input_values": X.masked_fill(MASK == 0, torch.nan)}, "NaN or infinity in row 1"),
    "a short row": ({"input_values": X[:, :5]}, "row 0 has 5, row 1 has 5 samples, but the encoder needs at least"),
    "a mask of another length": ({"attention_mask": MASK[:, :200]}, r"attention_mask has shape \(2, 200\)"),
    "a mask with a gap": ({"attention_mask": 1 - MASK}, "not right-padded"),
    "masked frames of another shape": (
        {"mask_time_indices": torch.zeros(2, 300).bool()},
        r"mask_time_indices has shape \(2, 300\)",
    ),
    "masked frames that are no mask": ({"mask_time_indices": torch.zeros(2, 17)}, "of torch.float32, but"),
    "labels beyond the vocabulary": ({"labels": torch.tensor([[1], [7]])}, "labels hold id 7 in row 1, place 0"),
    "labels that are no ids": ({"labels": torch.zeros(2, 3)}, r"labels has shape \(2, 3\) of torch.float32"),
    "labels of other rows": ({"labels": LABELS[:1]}, r"token ids \(2, tokens\) were expected"),
    "labels without rows": ({"labels": LABELS.flatten()}, r"labels has shape \(6,\)"),
    "nothing to learn": ({"labels": torch.full((2, 1), -100)}, "there is nothing to learn from"),
    "nothing to learn in a part of a step": (
        {"labels": torch.full((2, 1), -100), "num_items_in_batch": 4},
        "there is nothing to learn from",
    ),
    "labels that are true or false": ({"labels": LABELS > 0}, r"labels has shape \(2, 3\) of torch.bool"),
    "a step without labels": (
        {"labels": LABELS, "num_items_in_batch": 0},
        "num_items_in_batch is 0, expected the number",
    ),
    "fewer labels than none": (
        {"labels": LABELS, "num_items_in_batch": torch.tensor(-3)},
        "num_items_in_batch is -3, expected the number of label tokens",
    ),
    "double audio": (
        {"input_values": X.double()},
        r"input_values are torch.float64, but the model's parameters are torch.float32: pass input_values.float",
    ),
    "half audio": ({"input_values": X.half()}, "input_values are torch.float16, but"),
    "audio that is none": (
        {"input_values": X * 1e30},
        r"input_values reach \d\.\d+e\+30 in row 0, but samples of audio",
    ),
    "an array": (
        {"input_values": X.numpy()},
        r"input_values is a numpy.ndarray, but a tensor was expected: torch.as_tensor\(input_values\) makes one",
    ),
    "a list of labels": ({"labels": LABELS.tolist()}, "labels is a list, but a tensor was expected"),
    "an array for a mask": ({"attention_mask": MASK.numpy()}, "attention_mask is a numpy.ndarray"),
    "an array of masked frames": ({"mask_time_indices": MASK.numpy()}, "mask_time_indices is a numpy.ndarray"),
    "labels longer than frames": (
        {"labels": torch.ones(2, 40).long()},
        r"labels of row 0 need 79 frames \(40 labels and",
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_input_is_refused_by_name_and_row(case: str) -> None:
    given, message = BAD_CALLS[case]
    with pytest.raises(InputError, match=message):
        tiny()(**{"input_values": X, **given})


@every_encoder
def test_the_loudest_audio_that_is_taken_gives_a_finite_loss(encoder: str) -> None:
    loss = tiny(encoder)(X.clamp(-1, 1) * (0.999 * LARGEST_INPUT), labels=LABELS).loss
    assert loss.isfinite()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_audio_goes_with_a_model_of_its_own_type_and_under_autocast_with_others(dtype: torch.dtype) -> None:
    assert tiny().to(dtype)(X.to(dtype)).logits.dtype == dtype
    model = tiny()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        if dtype == torch.float64:
            with pytest.raises(InputError, match=r"input_values are torch\.float64"):
                model(X.to(dtype))
        else:
            assert model(X.to(dtype)).logits.dtype == torch.bfloat16


@every_kind
def test_misspelt_and_missing_arguments_are_refused_as_those_of_pairs(kind: str) -> None:
    model = tiny(kind=kind)
    with pytest.raises(RoutingError, match="unknown option 'atention_mask'; did you mean 'attention_mask'"):
        model(X, atention_mask=MASK)
    with pytest.raises(RoutingError, match="missing a required argument: 'input_values'"):
        model()


def test_labels_that_do_not_fit_count_zero_where_the_config_says_so() -> None:
    model = tiny(ctc_zero_infinity=True)
    labels = torch.ones(2, 40).long()
    assert model(X, labels=labels).loss.item() == 0.0
    labels[0, 1:] = -100
    assert model(X, labels=labels).loss.item() > 0.0


def test_ctc_needs_a_blank() -> None:
    model = tiny(pad_token_id=None)
    assert "loss" not in model(X)
    with pytest.raises(ConfigError, match=r"pad_token_id is needed as the blank of CTC.*set model.config.pad_token_id"):
        model(X, labels=LABELS)
    model.config.pad_token_id = 9
    with pytest.raises(InputError, match=r"the blank is token 9 \(pad_token_id\), but the CTC head has 7 tokens"):
        model(X, labels=LABELS)
    for blank in (7, -1):
        with pytest.raises(ConfigError, match=rf"\$.pad_token_id: {blank} is not one of the 7 tokens \(0 to 6\)"):
            tiny(pad_token_id=blank)


def test_classes_and_regressions() -> None:
    model = tiny(kind="ForSequenceClassification", id2label={0: "a", 1: "b", 2: "c"})
    assert model(X, MASK).logits.shape == (2, 3)
    with pytest.raises(InputError, match=r"labels hold 3 in row 1, but there are 3 classes \(0 to 2\)"):
        model(X, labels=torch.tensor([0, 3]))
    with pytest.raises(InputError, match=r"labels are torch.bool, but numbers of classes"):
        model(X, labels=torch.tensor([True, False]))
    with pytest.raises(InputError, match=r"labels is a list, but a tensor was expected"):
        model(X, labels=[0, 1])
    one = tiny(kind="ForSequenceClassification", num_labels=1)
    out = one(X, labels=torch.tensor([2, 3]))
    torch.testing.assert_close(out.loss, (out.logits[:, 0] - torch.tensor([2.0, 3.0])).square().mean())
    several = tiny(kind="ForSequenceClassification", problem_type="multi_label_classification")
    assert several(X, labels=torch.tensor([[1, 0], [1, 1]])).loss > 0


@pytest.mark.parametrize("weighted", [False, True])
@every_encoder
def test_an_utterance_is_classified_alike_alone_and_padded(encoder: str, weighted: bool) -> None:
    model = tiny(encoder, "ForSequenceClassification", use_weighted_layer_sum=weighted).double()
    padded = model(X.double(), MASK).logits
    for row, length in enumerate(MASK.sum(dim=1).tolist()):
        alone = model(X.double()[row : row + 1, :length]).logits[0]
        torch.testing.assert_close(padded[row], alone, rtol=0, atol=1e-9)


def test_every_parameter_of_a_head_learns() -> None:
    model = tiny(kind="ForSequenceClassification", use_weighted_layer_sum=True)
    model(X, MASK, labels=torch.tensor([0, 1])).loss.backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in (model.layer_weights, *model.classifier.parameters())
    )
    assert torch.equal(
        tiny(kind="ForSequenceClassification", use_weighted_layer_sum=True).layer_weights, torch.full((3,), 1 / 3)
    )


# Adapters for languages.


def adapted(encoder: str = "wav2vec2", **options: Any) -> Any:
    model = tiny(encoder, **ADAPTED, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@pytest.mark.parametrize("encoder", ["wav2vec2", "hubert"])
def test_languages_are_exchanged_with_their_vocabularies(encoder: str, tmp_path: Path) -> None:
    base, french = adapted(encoder), adapted(encoder, vocab_size=11)
    base.save_pretrained(tmp_path)
    base.save_adapter(tmp_path, "eng")
    french.encoder.load_state_dict(
        {**base.encoder.state_dict(), **{n: v for n, v in french.encoder.state_dict().items() if ".adapter." in n}}
    )
    french.save_adapter(tmp_path, "fra")
    expected = french(X).logits
    cls = type(base)
    loaded = cls.from_pretrained(tmp_path, target_lang="fra")
    assert (loaded.target_lang, loaded.config.vocab_size) == ("fra", 11)
    assert not loaded.load_report.made and not loaded.load_report.unexpected
    same(loaded(X).logits, expected)
    loaded.load_adapter("eng")
    assert (loaded.target_lang, loaded.config.vocab_size, loaded.lm_head.out_features) == ("eng", 7, 7)
    same(loaded(X).logits, base(X).logits)
    loaded = cls.from_pretrained(tmp_path, target_lang="fra", vocab_size=None)
    same(loaded(X).logits, expected)
    plain = cls.from_pretrained(tmp_path)
    assert plain.target_lang is None
    plain.load_adapter("fra")
    same(plain(X).logits, expected)
    config = plain.config.copy(name_or_path=str(tmp_path))
    made = cls(config, target_lang="eng")
    assert made.config.vocab_size == 7
    same(made.lm_head.weight, base.lm_head.weight)


def test_a_language_that_is_there_is_read_again_only_by_force(tmp_path: Path) -> None:
    model = adapted()
    model.save_pretrained(tmp_path)
    model.save_adapter(tmp_path, "eng")
    loaded = sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, target_lang="eng")
    with torch.no_grad():
        loaded.lm_head.weight.zero_()
    loaded.load_adapter("eng", force_load=False)
    assert not loaded.lm_head.weight.any()
    loaded.load_adapter("eng")
    same(loaded.lm_head.weight, model.lm_head.weight)


def test_half_precision_stays_when_a_language_comes(tmp_path: Path) -> None:
    model = adapted()
    model.save_pretrained(tmp_path, dtype=torch.float16)
    model.save_adapter(tmp_path, "eng")
    loaded = sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, target_lang="eng")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float16}
    loaded.load_adapter("eng", source=tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float16}


def test_adapters_are_begun_anew_for_training() -> None:
    model = adapted()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    torch.manual_seed(3)
    model.init_adapter_layers()
    own = model.adapter_parameters()
    assert len(own) == 2 * 6 + 2
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in own)
    model.freeze_base_model()
    for parameter in own.values():
        parameter.requires_grad_(True)
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == set(own)


@every_encoder
@pytest.mark.parametrize("way", ["built", "loaded", "later"])
def test_a_language_needs_adapters(encoder: str, way: str, tmp_path: Path) -> None:
    model = tiny(encoder)
    model.save_pretrained(tmp_path)
    save_file({}, tmp_path / "adapter.eng.safetensors")
    calls = {
        "built": lambda: type(model)(model.config, target_lang="eng"),
        "loaded": lambda: type(model).from_pretrained(tmp_path, target_lang="eng"),
        "later": lambda: model.load_adapter("eng", source=tmp_path),
    }
    with pytest.raises(ConfigError, match="set adapter_attn_dim"):
        calls[way]()
    (tmp_path / "adapter.eng.safetensors").unlink()
    with pytest.raises(ConfigError, match="set adapter_attn_dim"):
        calls[way]()  # whether there is a file does not matter


@pytest.mark.parametrize("language", ["", "../eng", "a b", 3, "eng.safetensors"])
def test_nonsense_for_a_language_is_refused(language: Any, tmp_path: Path) -> None:
    model = adapted()
    model.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"target_lang is .*, expected a language's name such as 'eng'"):
        model.load_adapter(language, source=tmp_path)
    with pytest.raises(InputError, match="target_lang is"):
        sg.Wav2Vec2ForCTC.from_pretrained(tmp_path, target_lang=language)


def test_a_language_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    model = adapted()
    model.save_pretrained(tmp_path)
    model.save_adapter(tmp_path, "eng")
    with pytest.raises(
        CheckpointError, match=r"adapter.enk.safetensors: there is no .* did you mean 'eng'.*there: eng"
    ):
        model.load_adapter("enk", source=tmp_path)
    (tmp_path / "adapter.spa.bin").touch()
    with pytest.raises(CheckpointError, match=r"adapter.spa.bin: cannot be read as tensors alone"):
        model.load_adapter("spa", source=tmp_path)
    torch.save(load_file(tmp_path / "adapter.eng.safetensors"), tmp_path / "adapter.spa.bin")
    adapted().load_adapter("spa", source=tmp_path)
    with pytest.raises(InputError, match=r"nothing says where adapter.eng.safetensors is: pass source"):
        model.load_adapter("eng")
    with pytest.raises(InputError, match="target_lang is None"):
        model.save_adapter(tmp_path)


def test_a_file_of_a_language_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    model = adapted()
    file = model.save_adapter(tmp_path, "eng")
    tensors = load_file(file)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    first = next(name for name in tensors if "linear_1.weight" in name)
    wrong = {
        **{name: tensor for name, tensor in tensors.items() if name != "lm_head.bias"},
        first: torch.zeros(2, 2),
        "lm_head.weight": torch.zeros(9, 16),
        "wav2vec2.something": torch.zeros(1),
        "wav2vec2.masked_spec_embed": torch.zeros(16),
    }
    save_file(wrong, file)
    with pytest.raises(CheckpointError) as caught:
        model.load_adapter("eng", source=tmp_path)
    text = str(caught.value)
    for part in (
        "lm_head.bias: missing",
        f"{first}: (2, 2) of torch.float32, expected (3, 16)",
        "wav2vec2.something: unexpected",
        "wav2vec2.masked_spec_embed: unexpected",
    ):
        assert part in text
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
    assert model.config.vocab_size == 7 and model.target_lang is None


# Pairs of ready-made models, and heads that pairs keep.


IDS = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 2}


def bert() -> Any:
    return default_catalog().decoder("bert").tiny_config().copy(is_decoder=True, add_cross_attention=True)


def test_a_ready_made_model_of_an_encoder_is_taken_for_the_encoder() -> None:
    model = tiny(kind="Model")
    with torch.device("meta"):
        decoder = default_catalog().decoder("bert").build(bert())
    materialise(decoder)
    pair = sg.SpeechEncoderDecoderModel(encoder=model, decoder=decoder)
    assert pair.encoder is model.encoder and pair.config.encoder is model.config
    grafted = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        encoder_model=model, decoder_model=decoder, **IDS
    )
    assert grafted.encoder is model.encoder
    assert grafted(X, labels=LABELS.clamp(min=-100)).loss.isfinite()
    with pytest.raises(
        InputError, match="Wav2Vec2ForCTC has a head, which a pair has no place for: pass its `encoder`"
    ):
        sg.SpeechEncoderDecoderModel(encoder=tiny(), decoder=decoder)


def graft(source: Path, **options: Any) -> Any:
    decoder = default_catalog().decoder("bert").build(bert())
    return sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        source, decoder_model=decoder, **{**IDS, **options}
    )


@every_encoder
def test_a_pair_keeps_the_ctc_head_of_a_checkpoint_with_its_blank(encoder: str, tmp_path: Path) -> None:
    source = tiny(encoder, pad_token_id=5, ctc_loss_reduction="sum")
    source.save_pretrained(tmp_path / "ctc")
    plain = graft(tmp_path / "ctc")
    assert plain.ctc_head is None and set(plain.load_report.ignored) == {
        "encoder.lm_head.weight",
        "encoder.lm_head.bias",
    }
    pair = graft(tmp_path / "ctc", keep_ctc_head=True)
    assert not pair.load_report.ignored
    assert {"ctc_head.weight", "ctc_head.bias"} <= set(pair.load_report.loaded)
    assert (pair.config.ctc_vocab_size, pair.config.ctc_blank_token_id, pair.config.pad_token_id) == (7, 5, 0)
    labels = torch.tensor([[1, 2], [4, 5]])
    expected = source(X, MASK, labels=labels.masked_fill(labels == 5, -100))
    pair.save_pretrained(tmp_path / "pair")
    for each in (pair, sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "pair")):
        out = each(X, MASK, decoder_input_ids=labels, ctc_labels=labels)
        same(out.ctc_logits, expected.logits)
        torch.testing.assert_close(out.ctc_loss, expected.loss / 3)


def test_a_head_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    tiny(kind="Model").save_pretrained(tmp_path / "bare")
    tiny(pad_token_id=None).save_pretrained(tmp_path / "blankless")
    tiny().save_pretrained(tmp_path / "ctc")
    with pytest.raises(CheckpointError, match=r"bare: there is no CTC head \(lm_head\) to keep"):
        graft(tmp_path / "bare", keep_ctc_head=True)
    with pytest.raises(ConfigError, match="pad_token_id is needed as the blank of the CTC head"):
        graft(tmp_path / "blankless", keep_ctc_head=True)
    with pytest.raises(InputError, match="ctc_vocab_size and keep_ctc_head were passed together"):
        graft(tmp_path / "ctc", keep_ctc_head=True, ctc_vocab_size=9)
    with pytest.raises(InputError, match="a ready-made encoder was passed"):
        graft(None, keep_ctc_head=True, encoder_model=tiny(kind="Model"))
