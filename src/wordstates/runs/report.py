"""What the reports of runs share, and how they look: a few aligned lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wordstates.runs.groups import GroupRun, Reject

_NAME_WIDTH = 15
_SHOWN_FILES, _SHOWN_TARGETS = 10, 10


@dataclass
class FileReport(ABC):
    """What every run into one file tells.

    Args:
        texts: Documents read.
        statuses: Number of words, or of usages, of each status.
        seconds: Time from the first document to the finished file; an estimate in a dry run.
        bytes: Size of the file; an estimate in a dry run.
        output: Path of the file.
        rejects: Documents that could not be embedded; all others are in the file.
        files: The files that were read, where the input was a folder.
        provenance: Where the vectors come from; empty where the model was not needed.
        hint: What is to be told of model and texts; mostly empty.
    """

    texts: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    bytes: int = 0
    output: str = ""
    rejects: list[Reject] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    hint: str = ""

    def take(self, run: GroupRun) -> None:
        """Take over what a run says of its words, its vectors, and the documents it left out."""
        self.statuses, self.provenance = run.counts.statuses, run.provenance
        self.rejects += run.rejects
        self.hint = run.hint

    def to_dict(self) -> dict[str, Any]:
        """Give all figures as plain JSON data; provenance, files and hint only where there are any."""
        figures = {**vars(self), "rejects": [reject.to_dict() for reject in self.rejects]}
        return {
            name: figure for name, figure in figures.items() if figure or name not in ("provenance", "files", "hint")
        }

    def how(self) -> list[tuple[str, str]]:
        """Write what computed, and the hint."""
        return [*how_computed(self.provenance), *([("hint", self.hint)] if self.hint else [])]

    @abstractmethod
    def to_text(self) -> str:
        """Write the report as a few aligned lines."""


def aligned(rows: Sequence[tuple[str, str]]) -> str:
    """Write names and values as lines, the values below each other.

    Examples:
        >>> print(aligned([("texts", "3"), ("words", "12")]))
        texts           3
        words           12
    """
    return "\n".join(f"{name:<{_NAME_WIDTH}} {value}" for name, value in rows)


def how_computed(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write what computed, why it was no faster engine if one was looked for, and what a precision costs.

    Args:
        provenance: Where the vectors come from; empty if there are none.

    Examples:
        >>> how_computed({"engine": "torch", "precision": "float32"})
        [('engine', 'torch')]
        >>> how_computed({"engine": "openvino", "precision": "bfloat16", "precision_error": 0.0087})
        [('engine', 'openvino'), ('precision', 'bfloat16 (0.9% from float32, on a sample)')]
    """
    if not provenance:
        return []
    why = provenance.get("why_not_faster")
    rows = [("engine", provenance["engine"] + (f" ({why})" if why else ""))]
    if provenance.get("precision_error") is not None:
        error = f"{provenance['precision_error']:.1%} from float32, on a sample"
        rows.append(("precision", f"{provenance['precision']} ({error})"))
    return rows


def tally(counts: Mapping[str, int]) -> str:
    """Write how often each thing was met, by name.

    Examples:
        >>> tally({"truncated": 2, "ok": 1200}), tally({})
        ('ok 1,200, truncated 2', 'none')
    """
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def files_read(files: Sequence[str]) -> list[tuple[str, str]]:
    """Write how many files were read, and which; nothing where the input was no folder.

    Examples:
        >>> files_read(["a/1.txt", "a/2.txt"]), files_read([])
        ([('files', '2: a/1.txt, a/2.txt')], [])
    """
    more = f" and {len(files) - _SHOWN_FILES:,} more" if len(files) > _SHOWN_FILES else ""
    return [("files", f"{len(files):,}: {', '.join(files[:_SHOWN_FILES])}{more}")] if files else []


def found_rows(texts: int, with_usage: int, usages: int, targets: Mapping[str, int]) -> list[tuple[str, str]]:
    """Write what was searched, and how often each target was found, the most frequent first.

    Examples:
        >>> found_rows(3, 2, 5, {"shore": 1, "bank": 4})
        [('texts', '3 (2 with a usage)'), ('usages', '5'), ('targets', 'bank 4, shore 1')]
    """
    most = sorted(targets.items(), key=lambda item: -item[1])
    more = f" and {len(most) - _SHOWN_TARGETS:,} more" if len(most) > _SHOWN_TARGETS else ""
    shown = ", ".join(f"{target} {count:,}" for target, count in most[:_SHOWN_TARGETS]) + more
    return [("texts", f"{texts:,} ({with_usage:,} with a usage)"), ("usages", f"{usages:,}"), ("targets", shown)]


def texts_read(texts: int, long_texts: int) -> str:
    """Write how many texts there were, and how many did not fit one window."""
    return f"{texts:,}" + (f" ({long_texts:,} longer than a window)" if long_texts else "")
