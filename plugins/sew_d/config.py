"""The config of SEW-D encoders, with the published names and defaults."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from speechgraft.config import (
    ConfigAdapter,
    FileKeys,
    SqueezeFields,
    activation,
    at_least,
    config_class,
    field,
    key_set,
    positive,
    probability,
    rule,
)

_OF_PRE_TRAINING = key_set(
    """
    codevector_dim contrastive_logits_temperature diversity_loss_weight feat_quantizer_dropout num_codevector_groups
    num_codevectors_per_group num_negatives proj_codevector_dim
    """
)
"""What configures pre-training, not the encoder."""

_READ_BY_NOTHING = key_set("layerdrop")
"""What published files hold beside; these models leave no layers out."""


def _terms(value: Any) -> Any:
    """One term, or several with `|` between them, as a list; published code has `("p2c")`, which is a string."""
    return value.split("|") if isinstance(value, str) else value


@config_class
class SEWDConfig(SqueezeFields):
    """A SEW-D encoder: SEW whose attention looks at content and at distance (Wu et al. 2022; He et al. 2021).

    The defaults are those of `asapp/sew-d-tiny-100k`, at the size of a base model.
    """

    model_type: ClassVar[str] = "sew-d"
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_PRE_TRAINING | _READ_BY_NOTHING)

    max_position_embeddings: int = field(default=512, validator=at_least(-1))
    """Distance, in squeezed frames, at which the logarithmic buckets end; where there are no buckets, the distances on
    either side that have a vector. With buckets, 0 or -1: each distance up to `position_buckets` has a bucket."""

    position_buckets: int = field(default=256, validator=at_least(-1))
    """Vectors of distances on either side. Half of them are for single distances, the others for ranges that widen with
    the logarithm; 0 or -1: a vector for each distance up to `max_position_embeddings`."""

    share_att_key: bool = field(default=True)
    """Whether the layers that make keys and queries of content make those of distances too."""

    relative_attention: bool = field(default=True)
    """Whether attention looks at distances; otherwise at content alone, with scores scaled as if it did."""

    pos_att_type: tuple[Literal["p2c", "c2p"], ...] = field(default=("p2c", "c2p"), convert=_terms)
    """How attention looks at distances: position to content, content to position, both or neither."""

    norm_rel_ebd: Literal["layer_norm", "none"] = field(default="layer_norm")
    """Whether the vectors of distances are normalised before each layer reads them."""

    hidden_act: str = field(default="gelu_python", validator=activation)
    """Activation inside the feed-forward."""

    hidden_dropout: float = field(default=0.1, validator=probability)
    """Deprecated: published files have it and these models do not read it; see `activation_dropout`."""

    activation_dropout: float = field(default=0.1, validator=probability)
    """Dropout after each attention and each feed-forward, and of the vectors of distances."""

    layer_norm_eps: float = field(default=1e-7, validator=positive)
    """Added to variances in the layer norms of the transformer."""

    feature_layer_norm_eps: float = field(default=1e-5, validator=positive)
    """Added to variances in the layer norm behind the front end."""

    @property
    def reads_distances(self) -> bool:
        """Whether there is an attention that looks at distances."""
        return self.relative_attention and len(self.pos_att_type) > 0 and self.num_hidden_layers > 0

    @rule
    def distances_have_vectors(self) -> str | None:
        """Buckets, or a limit to the distances."""
        if self.position_buckets > 0 or self.max_position_embeddings > 0:
            return None
        return (
            f"position_buckets: {self.position_buckets} with max_position_embeddings {self.max_position_embeddings} "
            "leaves no distance a vector; expected one of the two above 0"
        )

    @rule
    def buckets_have_two_halves(self) -> str | None:
        """One half for single distances, the other for ranges up to the longest."""
        buckets, longest = self.position_buckets, self.max_position_embeddings
        if buckets < 1 or longest < 1:
            return None
        if buckets == 1:
            return "position_buckets: 1 cannot be halved; expected at least 2, or -1 for none"
        if longest - 1 > buckets // 2:
            return None
        return (
            f"position_buckets: half of {buckets} are for distances up to {buckets // 2}, beyond which there are "
            f"none with max_position_embeddings {longest}; expected that to be at least {buckets // 2 + 2}"
        )


ADAPTER = ConfigAdapter(SEWDConfig)
