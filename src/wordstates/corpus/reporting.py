"""How reports look: a few aligned lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_NAME_WIDTH = 15


def aligned(rows: Sequence[tuple[str, str]]) -> str:
    """Write names and values as lines, the values below each other.

    Example:
        >>> print(aligned([("texts", "3"), ("words", "12")]))
        texts           3
        words           12
    """
    return "\n".join(f"{name:<{_NAME_WIDTH}} {value}" for name, value in rows)


def tally(counts: Mapping[str, int]) -> str:
    """Write how often each thing was met, by name.

    Example:
        >>> tally({"truncated": 2, "ok": 1200}), tally({})
        ('ok 1,200, truncated 2', 'none')
    """
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def texts_read(texts: int, long_texts: int) -> str:
    """Write how many texts there were, and how many did not fit one window."""
    return f"{texts:,}" + (f" ({long_texts:,} longer than a window)" if long_texts else "")
