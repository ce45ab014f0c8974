"""LoRA by `peft` on an encoder and a decoder: trained, saved, loaded, merged, and generated with at every stage."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

import speechgraft as sg
from speechgraft.errors import InputError
from speechgraft.nn.packing import prepared
from speechgraft.registry import default_catalog

WHERE = {
    "both": ["query", "value"],
    "encoder": r"encoder\..*\.(query|value|inner)",
    "decoder": r"decoder\..*(self|cross)_attention\.(query|key|value|output)",
}


def adapted(pair, where="both"):
    """A pair with adapters that change something."""
    model = get_peft_model(pair, LoraConfig(r=2, lora_alpha=8, target_modules=WHERE[where]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(len(name)))
    return model.eval()


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(("encoder", "decoder"), [("wav2vec2", "gpt2"), ("sew-d", "bart")])
def test_saved_loaded_and_merged_it_gives_the_same_logits(make_pair, batch, tmp_path, where, encoder, decoder):
    before = logits(make_pair(encoder, decoder), batch)
    model = adapted(make_pair(encoder, decoder), where)
    expected = logits(model, batch)
    assert (expected - before).abs().max() > 1e-2
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(make_pair(encoder, decoder), tmp_path).eval()
    torch.testing.assert_close(logits(loaded, batch), expected, rtol=0, atol=0)
    torch.testing.assert_close(logits(loaded.merge_and_unload(), batch), expected, rtol=1e-5, atol=1e-5)


def test_it_merges_to_1e_6_in_float64(make_pair, batch):
    batch = {name: each.double() if each.is_floating_point() else each for name, each in batch.items()}
    model = adapted(make_pair().double())
    expected = logits(model, batch)
    torch.testing.assert_close(logits(model.merge_and_unload(), batch), expected, rtol=0, atol=1e-6)


def test_a_pair_with_adapters_in_it_says_how_to_save_them(make_pair, tmp_path):
    pair = make_pair()
    adapted(pair)
    with pytest.raises(InputError, match=r"has an adapter of peft, .*merge_and_unload"):
        pair.save_pretrained(tmp_path / "pair")
    assert not list(tmp_path.iterdir())


def test_a_merged_pair_is_saved_as_any(make_pair, batch, tmp_path):
    merged = adapted(make_pair()).merge_and_unload()
    merged.save_pretrained(tmp_path)
    loaded = type(merged).from_pretrained(tmp_path)
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in merged.state_dict().items())
    torch.testing.assert_close(logits(loaded, batch), logits(merged, batch), rtol=1e-5, atol=1e-5)


def test_only_adapters_learn(make_pair, batch):
    model = adapted(make_pair(), "decoder").train()
    model(**batch).loss.backward()
    learnt = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learnt and all("lora_" in name and ".decoder." in name for name in learnt)
    assert all(p.grad.abs().max() > 0 for name, p in model.named_parameters() if name in learnt)


def tokens(model, batch, *, packed):
    """What it generates, by prepared weights or plainly: as logits, which show more."""
    with prepared(model, packed=packed), torch.no_grad():
        return logits(model, batch), model.generate(batch["input_values"], max_new_tokens=6)


def test_generating_with_adapters_and_after_merging_uses_what_there_is_now(make_pair, batch):
    pair = make_pair()
    tokens(pair, batch, packed=True)
    model = adapted(pair)
    for state in (model, model.merge_and_unload()):
        (fast, fast_ids), (plain, plain_ids) = (tokens(state, batch, packed=packed) for packed in (True, False))
        torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4)
        assert torch.equal(fast_ids, plain_ids)


@pytest.mark.parametrize("decoder", ["bert", "gpt2"])
def test_adapters_learn_the_same_while_layers_are_recomputed(make_pair, batch, decoder):
    found = []
    for recomputed in (False, True):
        pair = make_pair(decoder=decoder)
        if recomputed:
            pair.gradient_checkpointing_enable()
        model = adapted(pair)
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        pair.enable_input_require_grads()  # as peft does where layers are recomputed
        torch.manual_seed(0)
        model(**batch).logits.square().mean().backward()
        found.append({name: p.grad for name, p in model.named_parameters() if "lora_" in name and p.grad is not None})
        pair.disable_input_require_grads()
    plain, recomputed = found
    assert plain.keys() == recomputed.keys() and any(value.abs().max() > 1e-5 for value in plain.values())
    for name, value in plain.items():
        torch.testing.assert_close(recomputed[name], value, msg=name)


def test_peft_takes_an_encoder_whose_layers_are_recomputed():
    model = sg.HubertForCTC(default_catalog().encoder("hubert").tiny_config())
    model.gradient_checkpointing_enable()
    model = get_peft_model(model, LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)).train()
    model(input_values=torch.randn(2, 2000)).logits.square().mean().backward()
    grads = [p.grad for name, p in model.named_parameters() if "lora_" in name]
    assert grads and all(grad is not None and grad.abs().max() > 0 for grad in grads)
