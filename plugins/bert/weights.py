"""Published parameter names of BERT's language model beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, duplicate, old_spelling, rename
from speechgraft.plugins.bert.config import BertConfig

_LAYER, _OURS = "bert.encoder.layer.{i}", "stack.layers.{i}"


def weight_map(config: BertConfig) -> WeightMap:
    """The table, with the output layer's own weight where it is not tied to the word embedding."""
    attentions = [
        rename(f"{_LAYER}.{disk}.{part}.{{p}}", f"{_OURS}.{ours}.{{p}}")
        for disk, prefix in (("attention", "self_attention"), ("crossattention", "cross_attention"))
        for part, ours in (
            ("self.query", f"{prefix}.query"),
            ("self.key", f"{prefix}.key"),
            ("self.value", f"{prefix}.value"),
            ("output.dense", f"{prefix}.output"),
            ("output.LayerNorm", f"{prefix}_norm"),
        )
    ]
    tied = config.tie_word_embeddings
    output = (
        [rename("cls.predictions.bias", "head.bias")]
        if tied
        else [
            rename("cls.predictions.decoder.weight", "head.weight"),
            rename("cls.predictions.decoder.bias", "head.bias"),
            # Older files have this name alone; newer ones have both, and nothing reads the tensor of this name.
            duplicate("cls.predictions.bias", "head.bias"),
        ]
    )
    return WeightMap(
        [
            rename("bert.embeddings.word_embeddings.weight", "embeddings.word.weight"),
            rename("bert.embeddings.position_embeddings.weight", "embeddings.position.weight"),
            rename("bert.embeddings.token_type_embeddings.weight", "embeddings.token_type.weight"),
            rename("bert.embeddings.LayerNorm.{p}", "embeddings.norm.{p}"),
            *attentions,
            rename(f"{_LAYER}.intermediate.dense.{{p}}", f"{_OURS}.feed_forward.inner.{{p}}"),
            rename(f"{_LAYER}.output.dense.{{p}}", f"{_OURS}.feed_forward.outer.{{p}}"),
            rename(f"{_LAYER}.output.LayerNorm.{{p}}", f"{_OURS}.feed_forward_norm.{{p}}"),
            rename("cls.predictions.transform.dense.{p}", "head.transform.{p}"),
            rename("cls.predictions.transform.LayerNorm.{p}", "head.norm.{p}"),
            *output,
            old_spelling("{rest}.LayerNorm.gamma", "{rest}.LayerNorm.weight"),
            old_spelling("{rest}.LayerNorm.beta", "{rest}.LayerNorm.bias"),
        ],
        ignored=[
            ("bert.embeddings.position_ids", "a counter that is not stored any more"),
            ("bert.pooler.{rest}", "a decoder has no pooler"),
            ("cls.seq_relationship.{rest}", "the next-sentence head of pre-training"),
            *([("cls.predictions.decoder.{rest}", "tied to the word embedding")] if tied else []),
        ],
        fresh=[
            ("stack.layers.{i}.cross_attention.{rest}", "injected: BERT was pretrained without cross-attention"),
            ("stack.layers.{i}.cross_attention_norm.{rest}", "injected: BERT was pretrained without cross-attention"),
            ("head.{rest}", "the checkpoint holds no language model head"),
        ],
        prefix="bert.",
    )
