"""A pair inside `transformers.Trainer`: the same gradients however a batch is cut; checkpoints load here and there."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback, TrainingArguments

from speechgraft import SpeechEncoderDecoderModel, Transcriber, Wav2Vec2FeatureExtractor
from speechgraft.errors import InputError
from speechgraft.text import CTCTokenizer


class Gradients(TrainerCallback):
    """Keeps the gradients of the first step."""

    def on_pre_optimizer_step(self, args, state, control, model=None, **options):
        if not hasattr(self, "first"):
            self.first = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def trainer(model, examples, folder, *, callbacks=(), **options):
    arguments = TrainingArguments(
        output_dir=str(folder),
        report_to=[],
        use_cpu=True,
        learning_rate=1e-3,
        max_grad_norm=0.0,
        disable_tqdm=True,
        logging_strategy="no",
        **{"save_strategy": "no", "max_steps": 1, **options},
    )
    return Trainer(
        model=model, args=arguments, train_dataset=examples, processing_class=model, callbacks=list(callbacks)
    )


def gradients(make_pair, examples, folder, rows, steps):
    kept = Gradients()
    options = {"per_device_train_batch_size": rows, "gradient_accumulation_steps": steps, "seed": 3}
    trainer(make_pair(), examples, folder, callbacks=[kept], **options).train()
    return kept.first


def test_gradients_are_the_same_however_the_batch_is_cut(make_pair, examples, tmp_path):
    expected = gradients(make_pair, examples, tmp_path, 8, 1)
    assert len(expected) > 50 and any(value.abs().max() > 1e-3 for value in expected.values())
    for rows, steps in ((4, 2), (2, 4)):
        found = gradients(make_pair, examples, tmp_path, rows, steps)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-4, msg=f"{name} of {steps} steps")


def test_what_it_saves_loads_here(make_pair, examples, tmp_path):
    model = make_pair(decoder="bert")
    trainer(model, examples, tmp_path, save_strategy="steps", save_steps=1).train()
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "checkpoint-1")
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert "decoder.bert.embeddings.word_embeddings.weight" in load_file(
        tmp_path / "checkpoint-1" / "model.safetensors"
    )


@pytest.mark.parametrize("decoder", ["gpt2", "bart"])
def test_a_checkpoint_is_resumed_as_if_nothing_had_been(make_pair, examples, tmp_path, decoder):
    options = {"per_device_train_batch_size": 4, "save_strategy": "steps", "save_steps": 2, "max_steps": 4}
    whole = make_pair(decoder=decoder)
    trainer(whole, examples, tmp_path / "one", **options).train()
    other = make_pair(decoder=decoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    trainer(other, examples, tmp_path / "one", **options).train(
        resume_from_checkpoint=str(tmp_path / "one" / "checkpoint-2")
    )
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, msg=name)


def test_it_evaluates_and_predicts(make_pair, examples, tmp_path):
    own = make_pair()
    with torch.no_grad():
        batch = {name: torch.stack([example[name] for example in examples]) for name in examples[0]}
        expected = own(**batch)
    ran = trainer(make_pair(), examples, tmp_path, per_device_eval_batch_size=8).predict(examples)
    assert ran.metrics["test_loss"] == pytest.approx(expected.loss.item(), rel=1e-5)


def test_a_hook_that_is_not_what_is_trained_is_refused(make_pair, examples, tmp_path):
    trained, other = make_pair(decoder="bert"), make_pair(decoder="bert")
    extractor, tokenizer = Wav2Vec2FeatureExtractor(), CTCTokenizer({"<pad>": 0, "<unk>": 1, "|": 2, "a": 3})
    for hook in (other, Transcriber(other, extractor, tokenizer)):
        ran = trainer(trained, examples, tmp_path / "run", save_strategy="steps", save_steps=1)
        ran.processing_class = hook
        with pytest.raises(InputError, match=r"has just these parameters with other values .*pass that very model"):
            ran.train()
        shutil.rmtree(tmp_path / "run")
    ran = trainer(trained, examples, tmp_path / "run", save_strategy="steps", save_steps=1)
    ran.processing_class = Transcriber(trained, extractor, tokenizer)
    ran.train()
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "run" / "checkpoint-1")
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
