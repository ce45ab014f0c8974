"""Whole folders, tiny ones, that mutations begin from: models of every kind, tokenizers of every family, audio."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

import speechgraft
from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.bundle import Transcriber
from speechgraft.generation import GenerationConfig
from speechgraft.registry import default_catalog
from speechgraft.text import BartTokenizer, BertTokenizer, CTCTokenizer, GPT2Tokenizer, build_tokenizer

WORDS = "zero one two three four"
CANARY = "canary"
"""The file that every payload of a seed or mutation would write."""

_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "zero", "one", "two", "##o", "t", "##w"]
_BYTES = ["<s>", "<pad>", "</s>", "<unk>", "z", "e", "r", "o", "t", "w", "Ġ", "tw", "two", "Ġt", "<|endoftext|>"]
_MERGES = "#version: 0.2\nt w\ntw o\nĠ t\n"
_FRAMES = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ZEROTW"]
_SPECIAL = {"unk_token": "<unk>", "pad_token": "<pad>"}


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


def _bundle(folder: Path) -> None:
    """A pair with its extractor, its tokenizer and how it generates."""
    tokenizer = build_tokenizer([WORDS])
    encoder, decoder = (
        default_catalog().entry(role, name).tiny_config()
        for role, name in (("encoder", "wav2vec2"), ("decoder", "bert"))
    )
    model = speechgraft.pair(
        "wav2vec2",
        "bert",
        encoder=encoder,
        decoder=decoder.copy(vocab_size=tokenizer.vocab_size),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
    model.generation_config = GenerationConfig(max_new_tokens=4, num_beams=2)
    Transcriber(model, Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)


def _pair(encoder: str, decoder: str) -> Callable[[Path], None]:
    def grow(folder: Path) -> None:
        catalog = default_catalog()
        parts = {"encoder": catalog.encoder(encoder).tiny_config(), "decoder": catalog.decoder(decoder).tiny_config()}
        speechgraft.pair(encoder, decoder, **parts).save_pretrained(folder)

    return grow


def _single(name: str, model_type: str) -> Callable[[Path], None]:
    def grow(folder: Path) -> None:
        catalog = default_catalog()
        entry = catalog.encoder(model_type) if model_type in catalog.encoders else catalog.decoder(model_type)
        getattr(speechgraft, name)(entry.tiny_config()).save_pretrained(folder)

    return grow


def _sharded(folder: Path) -> None:
    _single("HubertModel", "hubert")(folder)
    speechgraft.HubertModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="8KB")


def _pickled(zipped: bool) -> Callable[[Path], None]:
    def grow(folder: Path) -> None:
        _single("GPT2LMHeadModel", "gpt2")(folder)
        from safetensors.torch import load_file

        tensors = load_file(folder / "model.safetensors")
        torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
        (folder / "model.safetensors").unlink()

    return grow


def _ctc(folder: Path) -> None:
    """An encoder with a CTC head and its characters."""
    _single("HubertForCTC", "hubert")(folder)
    CTCTokenizer(_numbered(_FRAMES)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)


def _vocabulary(model_type: str, size: int, special: dict[str, str], files: dict[str, str]) -> Callable[[Path], None]:
    """The files of an older tokenizer, as they were published."""

    def grow(folder: Path) -> None:
        folder.mkdir(parents=True)
        settings = {"model_max_length": 20, "added_tokens_decoder": {str(size): {"content": "<x>", "special": True}}}
        described = {
            "config.json": {"model_type": model_type},
            "special_tokens_map.json": special,
            "tokenizer_config.json": {**settings, **special},
        }
        for name, text in {**{key: json.dumps(value) for key, value in described.items()}, **files}.items():
            (folder / name).write_text(text)

    return grow


def _tokenizer(kind: type, *arguments: object) -> Callable[[Path], None]:
    return lambda folder: kind(*arguments).save_pretrained(folder)


def _audio(suffix: str, **options: str) -> Callable[[Path], None]:
    def grow(folder: Path) -> None:
        folder.mkdir(parents=True)
        samples = np.random.default_rng(0).normal(0, 0.1, (1600, 2)).astype(np.float32)
        soundfile.write(folder / f"sound{suffix}", samples, 16_000, **options)

    return grow


def _pcm(folder: Path) -> None:
    folder.mkdir(parents=True)
    with wave.open(str(folder / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 8)


_MODELS: dict[str, Callable[[Path], None]] = {
    "bundle": _bundle,
    "hubert-gpt2": _pair("hubert", "gpt2"),
    "sew-bart": _pair("sew", "bart"),
    "bert-bert": _pair("bert", "bert"),
    "sew-d": _single("SEWDForSequenceClassification", "sew-d"),
    "wav2vec2": _single("Wav2Vec2Model", "wav2vec2"),
    "bert": _single("BertModel", "bert"),
    "bart": _single("BartForCausalLM", "bart"),
    "ctc": _ctc,
    "sharded": _sharded,
}
_TOKENIZERS: dict[str, Callable[[Path], None]] = {
    "words": lambda folder: build_tokenizer([WORDS]).save_pretrained(folder),
    "pieces": lambda folder: build_tokenizer([WORDS], "wordpiece").save_pretrained(folder),
    "bert-json": _tokenizer(BertTokenizer, _numbered(_PIECES)),
    "gpt2-json": _tokenizer(GPT2Tokenizer, _numbered(_BYTES), [("t", "w"), ("tw", "o"), ("Ġ", "t")]),
    "bart-json": _tokenizer(BartTokenizer, _numbered(_BYTES), [("t", "w"), ("tw", "o"), ("Ġ", "t")]),
    "bert-txt": _vocabulary(
        "bert", len(_PIECES), {"unk_token": "[UNK]", "pad_token": "[PAD]"}, {"vocab.txt": "\n".join(_PIECES)}
    ),
    "gpt2-merges": _vocabulary(
        "gpt2", len(_BYTES), _SPECIAL, {"vocab.json": json.dumps(_numbered(_BYTES)), "merges.txt": _MERGES}
    ),
    "ctc-json": _vocabulary("hubert", len(_FRAMES), _SPECIAL, {"vocab.json": json.dumps(_numbered(_FRAMES))}),
}
_SOUNDS: dict[str, Callable[[Path], None]] = {
    "wav": _audio(".wav"),
    "wav-pcm": _pcm,
    "wav-float": _audio(".wav", subtype="FLOAT"),
    "flac": _audio(".flac"),
    "ogg": _audio(".ogg"),
    "mp3": _audio(".mp3"),
}


def _keras(folder: Path) -> None:
    """Two tensors as TensorFlow's models were saved."""
    import h5py

    folder.mkdir(parents=True)
    with h5py.File(folder / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = [b"bert"]
        file["bert/tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0"] = np.ones((4, 3), np.float32)
        file["bert/tf_bert_model/bert/encoder/layer_._0/output/dense/bias:0"] = np.ones(3, np.float32)


def _flax(folder: Path) -> None:
    """Two arrays as Flax's models were saved."""
    import msgpack

    def packed(array: np.ndarray) -> object:
        return msgpack.ExtType(1, msgpack.packb([array.shape, array.dtype.name, array.tobytes()]))

    folder.mkdir(parents=True)
    arrays = {"kernel": packed(np.ones((4, 3), np.float32)), "bias": packed(np.ones(3, np.float32))}
    (folder / "flax_model.msgpack").write_bytes(msgpack.packb({"bert": {"dense": arrays}}))


SEEDS: dict[str, dict[str, Callable[[Path], None]]] = {
    "model": _MODELS,
    "pickle": {"zip": _pickled(True), "legacy": _pickled(False)},
    "h5": {"keras": _keras},
    "msgpack": {"flax": _flax},
    "tokenizer": _TOKENIZERS,
    "audio": _SOUNDS,
}
"""What makes each whole folder, by what reads it."""


def plant(root: Path) -> None:
    """Make every seed beneath a folder: `root / group / name`."""
    torch.manual_seed(0)
    for group, seeds in SEEDS.items():
        for name, grow in seeds.items():
            grow(root / group / name)
