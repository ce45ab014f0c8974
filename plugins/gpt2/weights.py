"""Published parameter names of GPT-2 beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import Row, WeightMap, fallback, rename, split, transpose
from speechgraft.plugins.gpt2.config import GPT2Config

_DISK, _OURS = "transformer.h.{i}", "stack.layers.{i}"


def weight_map(config: GPT2Config) -> WeightMap:
    """The table of `GPT2LMHeadModel`, whose names may begin with `transformer.`, or not, as in the first files.

    Linear layers lie transposed there, and those of queries, keys and values side by side in one.
    """
    injected = "injected: GPT-2 was pretrained without cross-attention"
    return WeightMap(
        [
            rename("transformer.wte.weight", "embeddings.word.weight"),
            rename("transformer.wpe.weight", "embeddings.position.weight"),
            rename(f"{_DISK}.ln_1.{{p}}", f"{_OURS}.self_attention_norm.{{p}}"),
            rename(f"{_DISK}.ln_cross_attn.{{p}}", f"{_OURS}.cross_attention_norm.{{p}}"),
            rename(f"{_DISK}.ln_2.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
            *_linear("attn.c_attn", "self_attention.query", "self_attention.key", "self_attention.value"),
            *_linear("attn.c_proj", "self_attention.output"),
            *_linear("crossattention.q_attn", "cross_attention.query"),
            *_linear("crossattention.c_attn", "cross_attention.key", "cross_attention.value"),
            *_linear("crossattention.c_proj", "cross_attention.output"),
            *_linear("mlp.c_fc", "feed_forward.inner"),
            *_linear("mlp.c_proj", "feed_forward.outer"),
            rename("transformer.ln_f.{p}", "norm.{p}"),
            _output(tied=config.tie_word_embeddings),
        ],
        ignored=[
            *((f"{_DISK}.{name}", "a constant that older files hold") for name in _CONSTANTS),
            ("score.{rest}", "the classification head of a fine-tuned checkpoint"),
            ("classifier.{rest}", "the classification head of a fine-tuned checkpoint"),
            ("qa_outputs.{rest}", "the question answering head of a fine-tuned checkpoint"),
            ("multiple_choice_head.{rest}", "the multiple choice head of a fine-tuned checkpoint"),
        ],
        fresh=[
            (f"{_OURS}.cross_attention.{{rest}}", injected),
            (f"{_OURS}.cross_attention_norm.{{rest}}", injected),
            ("output.weight", "the checkpoint holds no language model head"),
        ],
        prefix="transformer.",
    )


_CONSTANTS = ("attn.bias", "attn.masked_bias", "crossattention.bias", "crossattention.masked_bias")


def _linear(disk: str, *ours: str) -> list[Row]:
    """A linear layer on disk: one of ours, or several whose outputs lie side by side."""
    weights = [f"{_OURS}.{name}.weight" for name in ours]
    biases = [f"{_OURS}.{name}.bias" for name in ours]
    if len(ours) == 1:
        return [transpose(f"{_DISK}.{disk}.weight", weights[0]), rename(f"{_DISK}.{disk}.bias", biases[0])]
    return [
        split(f"{_DISK}.{disk}.weight", weights, dim=1, transposed=True),
        split(f"{_DISK}.{disk}.bias", biases),
    ]


def _output(*, tied: bool) -> Row:
    """The output layer, which is the token embedding where the two are tied, and may be there in its stead."""
    if tied:
        return fallback("lm_head.weight", "embeddings.word.weight")
    return rename("lm_head.weight", "output.weight")
