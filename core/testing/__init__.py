"""The compatibility kit: what every encoder, decoder and pair has in common, tried on registry entries.

Each property has a number and a name. It takes an encoder's entry, a decoder's, or both, draws
configs and inputs by hypothesis, and raises an `AssertionError` that names the property, the entries,
what was found, where to look and the simplest failing case.

Needs the extra `testing`: `pip install "speechgraft[testing]"`. Without it, importing this raises a
`MissingExtraError`.

```python
from speechgraft.registry import default_catalog
from speechgraft.testing import cases

catalog = default_catalog()
for trial in cases(catalog, "decoder"):
    trial.run(examples=2)
```
"""

from __future__ import annotations

from speechgraft.errors import MissingExtraError

try:
    from speechgraft.testing.case import Case
    from speechgraft.testing.levels import LEVELS, Level
    from speechgraft.testing.models import pairs
    from speechgraft.testing.properties import PROPERTIES
    from speechgraft.testing.strategies import (
        Batch,
        Memory,
        batches,
        configs,
        label_batches,
        masks,
        memories,
        pair_configs,
        token_batches,
    )
    from speechgraft.testing.suite import parametrize_with_checks
    from speechgraft.testing.table import Drawn, Kind, Property, Stateful
    from speechgraft.testing.trials import Trial, cases
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise MissingExtraError("speechgraft.testing", "hypothesis", "testing") from error

__all__ = [
    "LEVELS",
    "PROPERTIES",
    "Batch",
    "Case",
    "Drawn",
    "Kind",
    "Level",
    "Memory",
    "Property",
    "Stateful",
    "Trial",
    "batches",
    "cases",
    "configs",
    "label_batches",
    "masks",
    "memories",
    "pair_configs",
    "pairs",
    "parametrize_with_checks",
    "token_batches",
]
