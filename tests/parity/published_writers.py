"""Have the TensorFlow and Flax classes of an older release write real files, and read them here.

No test runs this, since it needs an environment of its own:

    python -m venv old
    old/bin/pip install transformers==4.46.3 tensorflow-cpu==2.17.1 tf-keras==2.17.0 jax==0.4.35 jaxlib==0.4.35 \\
        flax==0.10.2 "numpy<2"
    old/bin/python tests/parity/published_writers.py write build/files
    python tests/parity/published_writers.py read build/files

`write` builds each class from a small config with drawn weights, runs it and saves its folder with what went in and
what came out; `read` loads the folders with `from_tf` and `from_flax`, and says by how much the outputs differ.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

SPEECH: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "conv_dim": (8, 8),
    "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2, "vocab_size": 12,
}  # fmt: skip
STABLE = {**SPEECH, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
BERT: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 20,
    "max_position_embeddings": 16,
}  # fmt: skip
GPT2: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 20, "n_positions": 16}
BART: dict[str, Any] = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "vocab_size": 20, "max_position_embeddings": 16, "pad_token_id": 1,
}  # fmt: skip
CROSS = {"is_decoder": True, "add_cross_attention": True}
TOKENS = np.array([[3, 4, 5, 6, 7]])
RNG = np.random.default_rng(0)
AUDIO = RNG.standard_normal((1, 400)).astype(np.float32)


def write_tensorflow(out: Path) -> None:
    os.environ.update(TF_USE_LEGACY_KERAS="1", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    import transformers as t

    def pair(decoder: Any) -> Any:
        return t.TFEncoderDecoderModel(encoder=t.TFBertModel(t.BertConfig(**BERT), name="encoder"), decoder=decoder)

    bert = t.TFBertLMHeadModel(t.BertConfig(**BERT, **CROSS), name="decoder")
    gpt2 = t.TFGPT2LMHeadModel(t.GPT2Config(**GPT2, add_cross_attention=True), name="decoder")
    models = {
        "hubert": t.TFHubertModel(t.HubertConfig(**SPEECH)),
        "hubert-ctc": t.TFHubertForCTC(t.HubertConfig(**SPEECH)),
        "wav2vec2": t.TFWav2Vec2Model(t.Wav2Vec2Config(**SPEECH)),
        "wav2vec2-ctc": t.TFWav2Vec2ForCTC(t.Wav2Vec2Config(**SPEECH)),
        "wav2vec2-stable": t.TFWav2Vec2Model(t.Wav2Vec2Config(**STABLE)),
        "bert": t.TFBertModel(t.BertConfig(**BERT)),
        "bert-lm": t.TFBertLMHeadModel(t.BertConfig(**BERT, is_decoder=True)),
        "gpt2": t.TFGPT2LMHeadModel(t.GPT2Config(**GPT2)),
        "bert-bert": pair(bert),
        "bert-gpt2": pair(gpt2),
    }
    for name, model in models.items():
        given = inputs(name)
        model(**given)
        for weight in model.weights:
            if weight.dtype.is_floating:
                weight.assign(RNG.standard_normal(weight.shape) * 0.2)
        model.save_pretrained(out / name, safe_serialization=False)
        model.save_pretrained(out / f"{name}-sharded", safe_serialization=False, max_shard_size="10KB")
        for folder in (out / name, out / f"{name}-sharded"):
            keep(folder, given, model(**given))


def write_flax(out: Path) -> None:
    os.environ.update(JAX_PLATFORMS="cpu", USE_TF="0")
    import jax
    import jax.numpy as jnp
    import transformers as t

    def pair(encoder: Any, decoder: Any, **options: Any) -> Any:
        speech = isinstance(encoder, t.Wav2Vec2Config)
        config = t.SpeechEncoderDecoderConfig if speech else t.EncoderDecoderConfig
        cls = t.FlaxSpeechEncoderDecoderModel if speech else t.FlaxEncoderDecoderModel
        return cls(config.from_encoder_decoder_configs(encoder, decoder), **options)

    audio, both = {"input_shape": (1, 400)}, {"input_shape": ((1, 400), (1, 5))}
    stable = t.Wav2Vec2Config(**STABLE)
    models = {
        "wav2vec2": t.FlaxWav2Vec2Model(stable, **audio),
        "wav2vec2-bf16": t.FlaxWav2Vec2Model(stable, **audio),
        "wav2vec2-ctc": t.FlaxWav2Vec2ForCTC(stable, **audio),
        "bert": t.FlaxBertModel(t.BertConfig(**BERT)),
        "gpt2": t.FlaxGPT2LMHeadModel(t.GPT2Config(**GPT2)),
        "bart-causal": t.FlaxBartForCausalLM(t.BartConfig(**BART)),
        "bert-bert": pair(t.BertConfig(**BERT), t.BertConfig(**BERT)),
        "bert-gpt2": pair(t.BertConfig(**BERT), t.GPT2Config(**GPT2)),
        "wav2vec2-bert": pair(stable, t.BertConfig(**BERT), **both),
        "wav2vec2-gpt2": pair(stable, t.GPT2Config(**{**GPT2, "n_embd": 12}), **both),
        "wav2vec2-bart": pair(stable, t.BartConfig(**BART), **both),
    }
    for name, model in models.items():
        drawn = jax.tree_util.tree_map(lambda p: jnp.asarray(RNG.standard_normal(p.shape) * 0.2, p.dtype), model.params)
        model.params = drawn
        given = inputs(name)
        if {"input_values", "decoder_input_ids"} <= given.keys():
            given["inputs"] = given.pop("input_values")
        written = model.to_bf16(drawn) if "bf16" in name else drawn
        model.save_pretrained(out / name, params=written)
        model.save_pretrained(out / f"{name}-sharded", params=written, max_shard_size="10KB")
        for folder in (out / name, out / f"{name}-sharded"):
            keep(folder, given, model(**given))


def inputs(name: str) -> dict[str, Any]:
    encoder, _, rest = name.partition("-")
    given: dict[str, Any] = {"input_ids": TOKENS} if encoder in ("bert", "gpt2", "bart") else {"input_values": AUDIO}
    return {**given, "decoder_input_ids": TOKENS} if rest in ("bert", "gpt2", "bart") else given


def keep(folder: Path, given: dict[str, Any], output: Any) -> None:
    scores = output.logits if "logits" in output else output.last_hidden_state
    np.savez(folder / "expected.npz", output=np.asarray(scores, np.float32), **given)


def read(out: Path) -> float:
    """Print by how much each model's output differs, and give the largest of those in float32."""
    import json

    import torch

    import speechgraft

    worst = 0.0
    for folder in sorted(out.glob("*/*")):
        option = {"tensorflow": "from_tf", "flax": "from_flax"}[folder.parent.name]
        name = json.loads((folder / "config.json").read_text())["architectures"][0]
        cls = getattr(speechgraft, name.removeprefix("TF").removeprefix("Flax"))
        model = cls.from_pretrained(folder, **{option: True}, dtype=torch.float32)
        kept = dict(np.load(folder / "expected.npz"))
        wanted = kept.pop("output")
        given = {key.replace("inputs", "input_values"): torch.from_numpy(value) for key, value in kept.items()}
        with torch.no_grad():
            output = model(**given)
        scores = output["logits"] if "logits" in output else output["last_hidden_state"]
        difference = float((scores - torch.from_numpy(wanted)).abs().max())
        print(f"{difference:.1e}  {folder.parent.name}/{folder.name}  {cls.__name__}")
        worst = worst if "bf16" in folder.name else max(worst, difference)
    return worst


if __name__ == "__main__":
    verb, target = sys.argv[1], Path(sys.argv[2])
    if verb == "write":
        write_tensorflow(target / "tensorflow")
        write_flax(target / "flax")
    elif (largest := read(target)) > 1e-5:
        sys.exit(f"outputs differ by {largest}")
