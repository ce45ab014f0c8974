"""What the config of SEW-D has of its own; `tests/plugins/test_speech_configs.py` tests the rest."""

from __future__ import annotations

from typing import Any

import pytest

from speechgraft.errors import ConfigError
from speechgraft.plugins.sew_d.config import SEWDConfig


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"squeeze_factor": 0}, "$.squeeze_factor: expected a value above 0, got 0"),
        ({"pos_att_type": ["p2p"]}, "$.pos_att_type[0]: expected one of 'p2c', 'c2p', got 'p2p'"),
        ({"pos_att_type": "c2p|p2p"}, "$.pos_att_type[1]: expected one of 'p2c', 'c2p', got 'p2p'"),
        ({"pos_att_type": 2}, "$.pos_att_type: expected a list"),
        ({"norm_rel_ebd": "batch_norm"}, "$.norm_rel_ebd: expected one of 'layer_norm', 'none'"),
        ({"position_buckets": -2}, "$.position_buckets: expected at least -1"),
        ({"max_position_embeddings": -7}, "$.max_position_embeddings: expected at least -1"),
        ({"position_buckets": 1}, "$.position_buckets: 1 cannot be halved; expected at least 2, or -1 for none"),
        ({"max_position_embeddings": 129}, "$.position_buckets: half of 256 are for distances up to 128, beyond which"),
        ({"position_buckets": 0, "max_position_embeddings": -1}, "$.position_buckets: 0 with max_position_embeddings"),
        ({"layerdrop": 0.1}, "$.layerdrop: kept where a file has it"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SEWDConfig(**wrong)
    assert [line for line in caught.value.problems if line.startswith(problem)]


def test_the_fewest_distances_beyond_half_of_the_buckets_are_taken() -> None:
    assert SEWDConfig(max_position_embeddings=130).position_buckets == 256


@pytest.mark.parametrize(
    ("written", "read"),
    [(("p2c"), ("p2c",)), ("p2c|c2p", ("p2c", "c2p")), (["c2p"], ("c2p",)), (("p2c", "c2p"), ("p2c", "c2p")), ([], ())],
)
def test_terms_may_be_written_as_the_published_page_does(written: Any, read: tuple[str, ...]) -> None:
    """There, `("p2c")` is an example of a tuple."""
    assert SEWDConfig(pos_att_type=written).pos_att_type == read


def test_files_of_the_training_code_are_read_without_a_word() -> None:
    file = {"model_type": "sew-d", "layerdrop": 0.1, "diversity_loss_weight": 0.1, "feat_extract_dropout": 0.0}
    config = SEWDConfig.from_dict(file)
    assert config.unknown_keys == ()
    assert file.items() <= config.to_dict().items()
