"""Published parameter names of BERT beside ours, for the encoder and for the language model."""

from __future__ import annotations

from speechgraft.checkpoint import Row, WeightMap, duplicate, old_spelling, rename
from speechgraft.plugins.bert.config import BertConfig

_OLD_SPELLINGS = [
    old_spelling("{rest}.LayerNorm.gamma", "{rest}.LayerNorm.weight"),
    old_spelling("{rest}.LayerNorm.beta", "{rest}.LayerNorm.bias"),
]

_PRETRAINING = "of pre-training, which an encoder does not have"


def encoder_weights(config: BertConfig) -> WeightMap:
    """The table of `BertModel`, whose names may begin with `bert.`, as in files of models with a head."""
    return WeightMap(
        [*_body("", {"attention": "attention"}), *_OLD_SPELLINGS],
        ignored=[
            ("embeddings.position_ids", "a counter that is not stored any more"),
            ("pooler.{rest}", "the pooler of the first token, which a pair does not use"),
            ("encoder.layer.{i}.crossattention.{rest}", "a decoder's, which an encoder does not have"),
            ("cls.predictions.{rest}", f"the language model head {_PRETRAINING}"),
            ("cls.seq_relationship.{rest}", f"the next-sentence head {_PRETRAINING}"),
        ],
        prefix="bert.",
    )


def decoder_weights(config: BertConfig) -> WeightMap:
    """The table of `BertLMHeadModel`, with the output layer's own weight where it is not tied to the word embedding."""
    tied = config.tie_word_embeddings
    injected = "injected: BERT was pretrained without cross-attention"
    return WeightMap(
        [
            *_body("bert.", {"attention": "self_attention", "crossattention": "cross_attention"}),
            rename("cls.predictions.transform.dense.{p}", "head.transform.{p}"),
            rename("cls.predictions.transform.LayerNorm.{p}", "head.norm.{p}"),
            *_output(tied=tied),
            *_OLD_SPELLINGS,
        ],
        ignored=[
            ("bert.embeddings.position_ids", "a counter that is not stored any more"),
            ("bert.pooler.{rest}", "a decoder has no pooler"),
            ("cls.seq_relationship.{rest}", "the next-sentence head of pre-training"),
            *([("cls.predictions.decoder.{rest}", "tied to the word embedding")] if tied else []),
        ],
        fresh=[
            ("stack.layers.{i}.cross_attention.{rest}", injected),
            ("stack.layers.{i}.cross_attention_norm.{rest}", injected),
            ("head.{rest}", "the checkpoint holds no language model head"),
        ],
        prefix="bert.",
    )


def _body(root: str, attentions: dict[str, str]) -> list[Row]:
    """Embeddings and layers; `attentions` has those of a layer, by name on disk."""
    disk, ours = root + "encoder.layer.{i}", "stack.layers.{i}"
    return [
        rename(f"{root}embeddings.word_embeddings.weight", "embeddings.word.weight"),
        rename(f"{root}embeddings.position_embeddings.weight", "embeddings.position.weight"),
        rename(f"{root}embeddings.token_type_embeddings.weight", "embeddings.token_type.weight"),
        rename(f"{root}embeddings.LayerNorm.{{p}}", "embeddings.norm.{p}"),
        *(
            rename(f"{disk}.{name}.{part}.{{p}}", f"{ours}.{own}{suffix}.{{p}}")
            for name, own in attentions.items()
            for part, suffix in (
                ("self.query", ".query"),
                ("self.key", ".key"),
                ("self.value", ".value"),
                ("output.dense", ".output"),
                ("output.LayerNorm", "_norm"),
            )
        ),
        rename(f"{disk}.intermediate.dense.{{p}}", f"{ours}.feed_forward.inner.{{p}}"),
        rename(f"{disk}.output.dense.{{p}}", f"{ours}.feed_forward.outer.{{p}}"),
        rename(f"{disk}.output.LayerNorm.{{p}}", f"{ours}.feed_forward_norm.{{p}}"),
    ]


def _output(*, tied: bool) -> list[Row]:
    """The output layer: a bias alone where its weight is the word embedding."""
    if tied:
        return [rename("cls.predictions.bias", "head.output.bias")]
    return [
        rename("cls.predictions.decoder.weight", "head.output.weight"),
        rename("cls.predictions.decoder.bias", "head.output.bias"),
        # Older files have this name alone; newer ones have both, and nothing reads the tensor of this name.
        duplicate("cls.predictions.bias", "head.output.bias"),
    ]
