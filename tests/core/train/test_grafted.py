"""A run on two pretrained parts takes extractor and tokenizer as the entries of these parts say."""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from attrs import evolve

from speechgraft.registry import default_catalog
from speechgraft.text import load_tokenizer
from speechgraft.train import start


def test_the_decoders_entry_reads_its_tokenizer(make_bundle, rows, tmp_path, monkeypatch):
    bundle = make_bundle()
    bundle.save_pretrained(tmp_path)
    plain = start.grafted_bundle(str(tmp_path), str(tmp_path), [row.text for row in rows])
    weights = bundle.model.decoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in plain.model.decoder.state_dict().items())

    asked = []
    module = ModuleType("toy_reader")
    module.read = lambda folder: asked.append(folder) or load_tokenizer(folder)
    monkeypatch.setitem(sys.modules, "toy_reader", module)
    catalog = default_catalog()
    decoder = evolve(catalog.decoder("bert"), tokenizer="toy_reader:read")
    monkeypatch.setattr(start, "default_catalog", lambda: evolve(catalog, decoders={"bert": decoder}))
    own = start.grafted_bundle(str(tmp_path), str(tmp_path), [])
    assert asked == [str(tmp_path)]
    assert own.tokenizer.vocab_size == plain.tokenizer.vocab_size
