"""What `config.json` holds beside the fields of a config class under their own names."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from speechgraft.config.fields import fields_of, per_class


@attrs.frozen(kw_only=True)
class FileKeys:
    """Renamed, carried and derived keys of a `config.json`.

    A config class states its own in `file_keys`; those of its bases count as well.

    Attributes:
        renames: Key in the file to name of the field.
        carried: Keys that other tools write and nothing here reads: kept, written back, not reported.
        derived: Properties of the config that the file repeats: written, and compared on reading.
        unoffered: Keys of other tools that ask for what there is not, with what to use instead. Kept as they are;
            whoever would act on them refuses them.
        unwritten: Fields that the file holds where they are not `None` alone.
    """

    renames: Mapping[str, str] = attrs.field(factory=dict)
    carried: frozenset[str] = frozenset()
    derived: tuple[str, ...] = ()
    unoffered: Mapping[str, str] = attrs.field(factory=dict)
    unwritten: frozenset[str] = frozenset()


@per_class
def file_keys_of(cls: type) -> FileKeys:
    """The file keys of a config class and of its bases."""
    stated = [vars(base)["file_keys"] for base in reversed(cls.__mro__) if "file_keys" in vars(base)]
    return FileKeys(
        renames={key: name for keys in stated for key, name in keys.renames.items()},
        carried=frozenset().union(*(keys.carried for keys in stated)),
        derived=tuple(name for keys in stated for name in keys.derived),
        unoffered={key: reason for keys in stated for key, reason in keys.unoffered.items()},
        unwritten=frozenset().union(*(keys.unwritten for keys in stated)),
    )


@per_class
def keys_in_file(cls: type) -> dict[str, str]:
    """Name of each field of a config class to its key in the file; `extras` is spread and has none."""
    renamed = {name: key for key, name in file_keys_of(cls).renames.items()}
    return {name: renamed.get(name, name) for name in fields_of(cls) if name != "extras"}


def key_set(words: str) -> frozenset[str]:
    """The words of a text, as a set of keys."""
    return frozenset(words.split())
