"""What happened to each tensor when a checkpoint was loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

_SHOWN = 8


@attrs.frozen(kw_only=True)
class LoadReport:
    """Where the parameters of a model came from. Names of parameters are ours, other names those on disk.

    Attributes:
        loaded: Parameters that the checkpoint had.
        missing: Parameters that it should have had; they were newly made (only without `strict`).
        unexpected: Tensors on disk that the model has no place for.
        ignored: Tensors on disk that are known and left out, with the reason.
        made: Parameters that a checkpoint may lack and that were newly made, with the reason.
        unknown_config_keys: Keys of `config.json` that nobody is known to write; they were kept.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    ignored: Mapping[str, str] = attrs.field(factory=dict)
    made: Mapping[str, str] = attrs.field(factory=dict)
    unknown_config_keys: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Mapping[str, LoadReport]) -> LoadReport:
        """One report of those of several parts, each under its prefix."""
        return cls(
            loaded=_under(parts, "loaded"),
            missing=_under(parts, "missing"),
            unexpected=_under(parts, "unexpected"),
            ignored={prefix + name: why for prefix, part in parts.items() for name, why in part.ignored.items()},
            made={prefix + name: why for prefix, part in parts.items() for name, why in part.made.items()},
            unknown_config_keys=_under(parts, "unknown_config_keys"),
        )

    def __str__(self) -> str:
        lines = [f"loaded {len(self.loaded)} parameters"]
        lines += named("missing in the checkpoint, newly made", self.missing)
        lines += named("unexpected in the checkpoint, left out", self.unexpected)
        lines += _reasoned("newly made", self.made)
        lines += _reasoned("left out", self.ignored)
        lines += named("unknown keys of config.json, kept", self.unknown_config_keys)
        return "\n".join(lines)


def named(title: str, names: Iterable[str]) -> list[str]:
    """A line with a title, how many names there are, and the first of them; no line for none."""
    names = list(names)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return [f"{title} ({len(names)}): {shown}"] if names else []


def _under(parts: Mapping[str, LoadReport], field: str) -> tuple[str, ...]:
    return tuple(prefix + name for prefix, part in parts.items() for name in getattr(part, field))


def _reasoned(title: str, names: Mapping[str, str]) -> list[str]:
    counts = Counter(names.values())
    return [f"{title} ({count}): {reason}" for reason, count in counts.items()]
