"""A pair inside `transformers.Seq2SeqTrainer`, which evaluates what it generates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, Trainer, TrainingArguments

from speechgraft import GenerationConfig, HubertConfig, HubertForCTC
from speechgraft.errors import ConfigError, InputError, RoutingError
from speechgraft.registry import default_catalog


def arguments(folder, **options):
    return Seq2SeqTrainingArguments(output_dir=str(folder), report_to=[], use_cpu=True, disable_tqdm=True, **options)


def test_it_evaluates_generated_tokens(make_pair, examples, tmp_path):
    model, seen = make_pair(decoder="bert"), {}

    def keep(prediction):
        seen["tokens"], seen["labels"] = prediction.predictions, prediction.label_ids
        return {"rows": len(prediction.predictions)}

    model.generation_config.max_length = 9
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments(tmp_path, predict_with_generate=True, max_steps=2, activation_checkpointing=True),
        train_dataset=examples,
        eval_dataset=examples,
        processing_class=model,
        compute_metrics=keep,
    )
    trainer.train()
    assert model.is_gradient_checkpointing
    told = trainer.evaluate(num_beams=2)
    assert told["eval_rows"] == 8 and told["eval_loss"] > 0.0
    model.eval()
    expected = model.generate(torch.stack([row["input_values"] for row in examples]), num_beams=2).numpy()
    assert np.array_equal(seen["tokens"][:, : expected.shape[1]], expected)
    assert (seen["tokens"][:, expected.shape[1] :] == 0).all() and seen["labels"].shape == (8, 9)


def test_a_length_that_nothing_sets_is_told(make_pair, examples, tmp_path):
    model = make_pair()
    args = arguments(tmp_path, predict_with_generate=True, generation_max_length=6)
    trainer = Seq2SeqTrainer(model=model, args=args, eval_dataset=examples, processing_class=model)
    with pytest.warns(UserWarning, match=r"needs generation_config\.max_length, .* it is 20 from now on"):
        assert trainer.predict(examples).predictions.shape == (8, 20)
    assert model.generation_config.max_length == 20


def test_a_plain_evaluation_tells_the_loss(make_pair, examples, batch, tmp_path):
    model = make_pair()
    trainer = Seq2SeqTrainer(model=model, args=arguments(tmp_path), eval_dataset=examples, processing_class=model)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(model(**batch).loss.item(), rel=1e-5)


def test_decoder_inputs_are_made_of_labels_for_smoothing(make_pair, batch):
    model = make_pair()
    labels = batch["labels"]
    made = model.prepare_decoder_input_ids_from_labels(labels=labels)
    assert made[0].tolist() == [1, *[0 if label == -100 else label for label in labels[0, :-1].tolist()]]
    free = model(batch["input_values"], decoder_input_ids=made).logits
    counts = labels != -100
    torch.testing.assert_close(free[counts], model(**batch).logits[counts])
    with pytest.raises(InputError, match="labels is a list"):
        model.prepare_decoder_input_ids_from_labels([[1, 2]])


def test_several_settings_are_updated_by_name():
    config = GenerationConfig(num_beams=3)
    config.update(max_length=7, num_beams=2)
    assert (config.max_length, config.num_beams) == (7, 2)
    with pytest.raises(ConfigError, match="num_beams"):
        config.update({"max_length": 8}, num_beams=0)
    assert config.max_length == 7


def test_labels_and_lone_processes_change_nothing(make_pair, batch):
    model = make_pair()
    free = model.generate(batch["input_values"], max_length=6)
    assert torch.equal(model.generate(**batch, max_length=6, synced_gpus=False), free)
    with pytest.raises(RoutingError, match="synced_gpus=True: each process searches for itself"):
        model.generate(batch["input_values"], synced_gpus=True)


def test_an_encoder_alone_is_trained(tmp_path, examples):
    tiny = default_catalog().encoder("hubert").tiny
    model = HubertForCTC(HubertConfig(**{**tiny, "vocab_size": 32}))
    args = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True, disable_tqdm=True, max_steps=1)
    Trainer(model=model, args=args, train_dataset=examples, processing_class=model).train()
    saved = HubertForCTC.from_pretrained(tmp_path / "checkpoint-1")
    found = saved.state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())
    predicted = Trainer(model=model, args=args).predict(examples)
    assert predicted.predictions.shape[::2] == (8, 32) and predicted.metrics["test_loss"] > 0.0
