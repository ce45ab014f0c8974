"""Small random checkpoints of transformers under the ids that the pages name."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

WAVES: dict[str, Any] = {
    "hidden_size": 24,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 20,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 3],
    "conv_stride": [5, 2],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
"""What the large models have and the base models have not."""

BERT: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 40}
GPT2: dict[str, Any] = {"n_embd": 24, "n_head": 2, "n_layer": 2, "n_positions": 64}
BART: dict[str, Any] = {
    "d_model": 24,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 20,
    "max_position_embeddings": 64,
}
KEYWORDS = ["yes", "no", "up", "down", "_silence_", "_unknown_"]
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
SENTENCES = [
    "mister quilter is the apostle of the middle classes",
    "a man said to the universe sir i exist",
    "wir freuen uns, sein Evangelium willkommen heißen zu können",
    "der Apostel der Mittelschicht",
]


def write_checkpoints(folder: Path, page: str) -> None:
    """One folder an id, each as transformers writes it.

    Args:
        folder: Where `owner/name` go.
        page: The text from whose words vocabularies are made.
    """
    texts = page.splitlines()
    for repository, write in _repositories(texts).items():
        torch.manual_seed(len(repository))
        place = folder / repository
        place.mkdir(parents=True)
        write(place)


def _repositories(texts: list[str]) -> dict[str, Callable[[Path], None]]:
    uncased = partial(_bert, texts, cased=False)
    return {
        "facebook/hubert-large-ll60k": partial(_encoder, "Hubert", "Model", options=LARGE),
        "facebook/hubert-large-ls960-ft": partial(_encoder, "Hubert", "ForCTC", options=LARGE),
        "superb/hubert-base-superb-ks": partial(_encoder, "Hubert", "ForSequenceClassification"),
        "facebook/wav2vec2-base-960h": partial(_encoder, "Wav2Vec2", "ForCTC"),
        "facebook/wav2vec2-large-lv60": partial(_encoder, "Wav2Vec2", "Model", options=LARGE),
        "asapp/sew-tiny-100k-ft-ls100h": partial(_encoder, "SEW", "ForCTC"),
        "asapp/sew-d-tiny-100k-ft-ls100h": partial(_encoder, "SEWD", "ForCTC"),
        "anton-l/sew-mid-100k-ft-keyword-spotting": partial(_encoder, "SEW", "ForSequenceClassification"),
        "anton-l/sew-d-mid-100k-ft-keyword-spotting": partial(_encoder, "SEWD", "ForSequenceClassification"),
        "facebook/wav2vec2-xls-r-300m-en-to-15": _translator,
        "patrickvonplaten/wav2vec2-2-bart-large": partial(_transcriber, texts),
        "google-bert/bert-base-uncased": uncased,
        "bert-base-uncased": uncased,
        "google-bert/bert-base-cased": partial(_bert, texts, cased=True),
        "openai-community/gpt2": partial(_gpt2, texts),
        "facebook/bart-large": partial(_bart, texts),
        "patrickvonplaten/bert2bert_cnn_daily_mail": partial(_summariser, texts),
        "patrickvonplaten/bert2bert-cnn_dailymail-fp16": partial(_summariser, texts),
        "patrickvonplaten/bert2gpt2-cnn_dailymail-fp16": partial(_summariser_of_gpt2, texts),
    }


@torch.no_grad()
def _lively(model: Any) -> Any:
    """Weights far from zero, so that every path counts and texts are not one token over and over."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, 1.0 if re.search(r"embed|\.w[tp]e\.|shared", name) else 1.5 * weight[0].numel() ** -0.5)
        elif "norm" not in name.lower() and ".ln_" not in name:
            weight.normal_(0.0, 0.1)
    return model.eval()


def _encoder(family: str, kind: str, place: Path, *, options: dict[str, Any] | None = None) -> None:
    """An encoder with or without a head, its extractor, and for CTC letters as tokens."""
    labels = {"id2label": dict(enumerate(KEYWORDS)), "label2id": {name: index for index, name in enumerate(KEYWORDS)}}
    config = getattr(transformers, f"{family}Config")(
        **WAVES,
        **(options or {}),
        vocab_size=len(LETTERS),
        pad_token_id=0,
        ctc_loss_reduction="mean",
        **(labels if "Classification" in kind else {}),
        **({"hidden_act": "gelu"} if family == "SEWD" else {}),
    )
    _lively(getattr(transformers, f"{family}{kind}")(config)).save_pretrained(place)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=bool(options))
    if kind == "ForCTC" and family.startswith("SEW"):
        transformers.Wav2Vec2Processor(extractor, _letters(place)).save_pretrained(place)
        return
    extractor.save_pretrained(place)  # in a file of its own, as the first checkpoints have it
    if kind == "ForCTC":
        _letters(place).save_pretrained(place)


def _letters(place: Path) -> Any:
    vocabulary = place / "vocab.json"
    vocabulary.write_text(json.dumps({letter: index for index, letter in enumerate(LETTERS)}))
    return transformers.Wav2Vec2CTCTokenizer(str(vocabulary))


def _bert_tokenizer(texts: list[str], place: Path, *, cased: bool) -> Any:
    """Words and letters, in the one file that the first checkpoints had."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_words(texts, cased=cased)]
    (place / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": not cased, "model_max_length": 512}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))
    return transformers.BertTokenizer.from_pretrained(place)


def _words(texts: Iterable[str], *, cased: bool) -> list[str]:
    found = {word for text in texts for word in re.findall(r"\w+|[^\w\s]", text if cased else text.lower())}
    letters = {letter for word in found for letter in word}
    return sorted(found | letters | {f"##{letter}" for letter in letters})


def _bert(texts: list[str], place: Path, *, cased: bool) -> None:
    tokenizer = _bert_tokenizer(texts, place, cased=cased)
    config = transformers.BertConfig(**BERT, vocab_size=len(tokenizer), pad_token_id=0)
    _lively(transformers.BertForMaskedLM(config)).save_pretrained(place)


def _pieces(texts: list[str], place: Path, special: list[str], name: str) -> Any:
    """Byte pairs of the texts, in `vocab.json` and `merges.txt` as the first checkpoints had them."""
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(texts, vocab_size=300, special_tokens=special, show_progress=False)
    trained.save_model(str(place))
    (place / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, "model_max_length": 64}))
    return getattr(transformers, name).from_pretrained(place)


def _gpt2(texts: list[str], place: Path) -> None:
    tokenizer = _pieces(texts, place, ["<|endoftext|>"], "GPT2Tokenizer")
    # As large as the vocabularies of BERT, whose tokens an example hands to it.
    _lively(transformers.GPT2LMHeadModel(_gpt2_config(tokenizer, vocab_size=1_500))).save_pretrained(place)


def _gpt2_config(tokenizer: Any, **options: Any) -> Any:
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    sizes = {**GPT2, "vocab_size": len(tokenizer), **options}
    return transformers.GPT2Config(**sizes, bos_token_id=end, eos_token_id=end)


def _bart(texts: list[str], place: Path) -> None:
    tokenizer = _pieces(texts, place, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "BartTokenizer")
    config = transformers.BartConfig(**BART, vocab_size=len(tokenizer))
    _lively(transformers.BartForConditionalGeneration(config)).save_pretrained(place)


def _transcriber(texts: list[str], place: Path) -> None:
    """wav2vec2 with a BART decoder."""
    tokenizer = _pieces(texts, place, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "BartTokenizer")
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**WAVES, **LARGE), transformers.BartConfig(**BART, vocab_size=len(tokenizer))
    )
    _lively(transformers.SpeechEncoderDecoderModel(config)).save_pretrained(place)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(place)


def _translator(place: Path) -> None:
    """XLS-R with mBART-50's decoder and tokenizer."""
    tokenizer = _languages(place)
    mbart = transformers.MBartConfig(
        **{**BART, "max_position_embeddings": 128}, vocab_size=len(tokenizer), scale_embedding=True
    )
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**WAVES, **LARGE), mbart, decoder_start_token_id=2, pad_token_id=1, eos_token_id=2
    )
    model = _lively(transformers.SpeechEncoderDecoderModel(config))
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, max_length=20
    )
    model.save_pretrained(place)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    extractor.save_pretrained(place)
    # Without the name of its processor, `AutoProcessor` of the yardstick takes the tokenizer of a pair for it.
    file = place / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "processor_class": "Wav2Vec2Processor"}))


def _languages(place: Path) -> Any:
    """A SentencePiece model and the settings of mBART-50's tokenizer beside it, as its first checkpoints had them."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=written,
        vocab_size=100,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    (place / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    # One language: labels are texts of the one that is written here, and of the other over there.
    settings = {"tokenizer_class": "MBart50Tokenizer", "src_lang": "de_DE", "tgt_lang": "de_DE"}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))
    return transformers.AutoTokenizer.from_pretrained(place)


SUMMARY = {
    "max_length": 24,
    "min_length": 6,
    "no_repeat_ngram_size": 3,
    "num_beams": 4,
    "length_penalty": 2.0,
    "early_stopping": True,
}
"""How the summariser searches."""


def _summariser(texts: list[str], place: Path) -> None:
    tokenizer = _bert_tokenizer(texts, place, cased=False)
    # Two of them: making a pair of configs changes the second.
    encoder, decoder = (transformers.BertConfig(**BERT, vocab_size=len(tokenizer)) for _ in range(2))
    special = {"decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    _pair_of_text(encoder, decoder, special, {**special, **SUMMARY}).save_pretrained(place)


def _summariser_of_gpt2(texts: list[str], place: Path) -> None:
    """BERT with GPT-2; its tokenizers lie in folders of their own, and it starts with the token that ends texts."""
    scratch = place / "scratch"
    scratch.mkdir()
    cased = len(_bert_tokenizer(texts, scratch, cased=True))
    gpt2 = _gpt2_config(_pieces(texts, scratch, ["<|endoftext|>"], "GPT2Tokenizer"))
    for file in scratch.iterdir():
        file.unlink()
    scratch.rmdir()
    special = {"decoder_start_token_id": gpt2.bos_token_id}
    bert = transformers.BertConfig(**BERT, vocab_size=cased)
    _pair_of_text(bert, gpt2, special, special).save_pretrained(place)


def _pair_of_text(encoder: Any, decoder: Any, options: dict[str, Any], search: dict[str, Any]) -> Any:
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, **options)
    model = _lively(transformers.EncoderDecoderModel(config))
    model.generation_config = transformers.GenerationConfig(**search)
    return model
