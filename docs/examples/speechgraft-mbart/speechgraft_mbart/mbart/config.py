"""The config of mBART, with the published names and defaults; its decoder half is what is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from speechgraft.config import (
    ConfigAdapter,
    FileKeys,
    config_class,
    field,
    key_set,
    non_negative,
    positive,
    probability,
    rule,
)

from speechgraft_mbart.fields import DecoderFields

_OLD_CHOICES: Final[Mapping[str, Any]] = {
    "add_bias_logits": False,
    "add_final_layer_norm": True,
    "extra_pos_embeddings": 2,
    "normalize_before": True,
    "normalize_embedding": True,
    "static_position_embeddings": False,
}
"""What older files say of the architecture, with the one value that mBART has; its kin (BART, Pegasus) have others."""

_OF_OTHERS = key_set("classif_dropout classifier_dropout force_bos_token_to_be_generated save_step")
"""What configures classification heads, and generation before there were generation configs."""


@config_class
class MBartConfig(DecoderFields):
    """An mBART (Liu et al. 2020). A pair takes its decoder; what says `encoder_` is kept, and read by nothing here.

    The defaults are those of `facebook/mbart-large-cc25`.
    """

    model_type: ClassVar[str] = "mbart"
    # As published: three of these second names say something of the encoder half.
    aliases: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model",
        "initializer_range": "init_std",
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    }
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_OTHERS | frozenset(_OLD_CHOICES))

    max_position_embeddings: int = field(default=1024, validator=positive)
    """The most tokens of a text: one learned position for each, behind two that are not used."""

    forced_eos_token_id: int | list[int] | None = field(default=2, runtime=True)
    """The token, or the tokens, one of which ends a row that reaches its greatest length. The generation config of a
    pair takes it over when the pair is built; from then on it is the generation config that counts."""

    is_encoder_decoder: bool = field(default=True)
    """Whether the checkpoint holds both halves. The decoder is read from either kind."""

    encoder_layers: int = field(default=12, validator=non_negative)
    """Transformer layers of the encoder half, which is not built."""

    encoder_attention_heads: int = field(default=16, validator=positive)
    """Attention heads of each of its layers."""

    encoder_ffn_dim: int = field(default=4096, validator=positive)
    """Width inside the feed-forward of each of its layers."""

    encoder_layerdrop: float = field(default=0.0, validator=probability)
    """Probability of leaving out one of its layers in a training step."""

    @rule
    def architecture_is_mbarts(self) -> str | None:
        """Files of models that are nearly mBART have keys that would ask for what is not built here."""
        for key, expected in _OLD_CHOICES.items():
            found = self.extras.get(key)
            if found is not None and found != expected:
                return f"{key}: expected {expected!r}, which is mBART's, got {found!r}"
        return None


ADAPTER = ConfigAdapter(MBartConfig)
