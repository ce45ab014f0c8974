"""Typed configs: strict, checked on construction and on assignment, all problems at once with JSON paths.

```python
@config_class
class ToyConfig(Config):
    model_type: ClassVar[str] = "toy"

    hidden_size: int = field(default=16, validator=positive)
    \"\"\"Width of the hidden states.\"\"\"

    heads: int = field(default=2, validator=positive)
    \"\"\"Attention heads.\"\"\"

    @rule
    def heads_divide_width(self) -> str | None:
        return f"heads: {self.heads} do not divide {self.hidden_size}" if self.hidden_size % self.heads else None


ADAPTER = ConfigAdapter(ToyConfig)
```
"""

from __future__ import annotations

from speechgraft.config.adapter import ConfigAdapter
from speechgraft.config.base import Settings
from speechgraft.config.fields import config_class, field, rule
from speechgraft.config.groups import (
    ConvPositionFields,
    FrontEndFields,
    LayerDropFields,
    MaskingFields,
    NormOrderFields,
    SizeFields,
    SpeechEncoderFields,
    SpeechHeadFields,
    SpeechTransformerFields,
    SqueezeFields,
)
from speechgraft.config.keys import FileKeys, key_set
from speechgraft.config.model import Config
from speechgraft.config.validators import (
    ACTIVATION_NAMES,
    DTYPE_NAMES,
    activation,
    at_least,
    between,
    dtype_name,
    non_negative,
    not_empty,
    one_of,
    only,
    positive,
    probability,
)

__all__ = [
    "ACTIVATION_NAMES",
    "DTYPE_NAMES",
    "Config",
    "ConfigAdapter",
    "ConvPositionFields",
    "FileKeys",
    "FrontEndFields",
    "LayerDropFields",
    "MaskingFields",
    "NormOrderFields",
    "Settings",
    "SizeFields",
    "SpeechEncoderFields",
    "SpeechHeadFields",
    "SpeechTransformerFields",
    "SqueezeFields",
    "activation",
    "at_least",
    "between",
    "config_class",
    "dtype_name",
    "field",
    "key_set",
    "non_negative",
    "not_empty",
    "one_of",
    "only",
    "positive",
    "probability",
    "rule",
]
