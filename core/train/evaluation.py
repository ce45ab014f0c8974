"""How well and how fast a bundle transcribes the recordings of a manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import attrs

from speechgraft.train.manifest import Row
from speechgraft.train.metrics import Errors, character_errors, total, word_errors

if TYPE_CHECKING:
    from speechgraft.bundle import Failure, Transcriber


@attrs.frozen
class Heard:
    """One recording."""

    row: Row
    """What the manifest says."""

    text: str
    """What the model made of it."""

    seconds: float
    """How long it is."""

    words: Errors
    """Word errors."""

    characters: Errors
    """Character errors."""

    warnings: tuple[str, ...] = ()
    """What makes the text doubtful."""

    def to_dict(self) -> dict[str, Any]:
        """For one line of JSON."""
        counts = {name: value for name, value in _counts(self.words).items() if name != "words"}
        found = {"audio": str(self.row.audio), "reference": self.row.text, "text": self.text, **counts}
        return {**self.row.columns, **found, "seconds": round(self.seconds, 3), "warnings": list(self.warnings)}


@attrs.frozen
class Evaluation:
    """Error rates over many recordings."""

    heard: tuple[Heard, ...]
    """The recordings that were transcribed, in the manifest's order."""

    failures: tuple[Failure, ...]
    """Those that could not be; they are in no rate."""

    elapsed: float
    """Seconds it took, reading included."""

    @property
    def words(self) -> Errors:
        """Word errors of all recordings."""
        return total(heard.words for heard in self.heard)

    @property
    def characters(self) -> Errors:
        """Character errors of all recordings."""
        return total(heard.characters for heard in self.heard)

    @property
    def seconds(self) -> float:
        """Audio, in seconds."""
        return sum(heard.seconds for heard in self.heard)

    @property
    def real_time_factor(self) -> float:
        """Seconds it took for a second of audio."""
        return self.elapsed / self.seconds if self.seconds else 0.0

    def groups(self, column: str) -> dict[str, Evaluation]:
        """The recordings by a column of the manifest; none where no row has it. Times are not split."""
        found: dict[str, list[Heard]] = defaultdict(list)
        for heard in self.heard:
            if column in heard.row.columns:
                found[str(heard.row.columns[column])].append(heard)
        return {name: Evaluation(tuple(found[name]), (), 0.0) for name in sorted(found)}

    def to_dict(self, by: str) -> dict[str, Any]:
        """All numbers, for JSON."""
        groups = {name: {**_rates(part), "utterances": len(part.heard)} for name, part in self.groups(by).items()}
        return {
            **_rates(self),
            "utterances": len(self.heard),
            "failed": len(self.failures),
            "audio_seconds": round(self.seconds, 3),
            "elapsed_seconds": round(self.elapsed, 3),
            "real_time_factor": round(self.real_time_factor, 5),
            **({f"by_{by}": groups} if groups else {}),
        }

    def table(self, by: str) -> str:
        """All numbers, for a person."""
        words = self.words
        mistakes = f"{words.substitutions} substitutions, {words.deletions} deletions, {words.insertions} insertions"
        lines = [
            f"{_line('all', self)}",
            *(_line(name, part) for name, part in self.groups(by).items()),
            f"{mistakes} in {words.said} words",
            f"{self.seconds:.1f} s of audio in {self.elapsed:.1f} s (real-time factor {self.real_time_factor:.3f})",
        ]
        if self.failures:
            lines.append(f"{len(self.failures)} recordings could not be transcribed and are in no rate")
        return "\n".join(lines)


def evaluate(
    asr: Transcriber, rows: Sequence[Row], *, batch_size: int = 8, max_seconds: float | None = 300.0
) -> Evaluation:
    """Transcribe the recordings of a manifest and compare.

    Args:
        asr: What transcribes.
        rows: What was said.
        batch_size: Recordings that go through the model at once.
        max_seconds: The longest recording that is taken.

    Returns:
        The rates; recordings that could not be transcribed are in its `failures`.
    """
    failures: list[Failure] = []
    began = perf_counter()
    transcripts = list(
        asr.batch((row.audio for row in rows), batch_size=batch_size, max_seconds=max_seconds, on_error=failures.append)
    )
    elapsed = perf_counter() - began
    failed = {failure.index for failure in failures}
    kept = [row for index, row in enumerate(rows) if index not in failed]
    heard = (
        Heard(
            row,
            made.text,
            made.seconds,
            word_errors(row.text, made.text),
            character_errors(row.text, made.text),
            made.warnings,
        )
        for row, made in zip(kept, transcripts, strict=True)
    )
    return Evaluation(tuple(heard), tuple(failures), elapsed)


def _counts(errors: Errors) -> dict[str, int]:
    names = ("substitutions", "deletions", "insertions")
    return {"words": errors.said, **{name: getattr(errors, name) for name in names}}


def _rates(found: Evaluation) -> dict[str, Any]:
    return {"wer": found.words.rate, "cer": found.characters.rate, **_counts(found.words)}


def _line(name: str, found: Evaluation) -> str:
    return f"{name:<16} WER {found.words.rate:7.2%}  CER {found.characters.rate:7.2%}  {len(found.heard):6} utterances"
