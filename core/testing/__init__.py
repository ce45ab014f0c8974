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
    from speechgraft.testing.properties import PROPERTIES
    from speechgraft.testing.table import Kind, Property
    from speechgraft.testing.trials import Trial, cases
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise MissingExtraError("speechgraft.testing", "hypothesis", "testing") from error

__all__ = ["PROPERTIES", "Kind", "Property", "Trial", "cases"]
