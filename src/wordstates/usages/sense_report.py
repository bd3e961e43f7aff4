"""The senses of a word as text: a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wordstates.usages.change import Change, GroupShares
from wordstates.usages.senses import Senses
from wordstates.wording import counted


def senses_as_text(
    senses: Senses,
    names: Mapping[int, str],
    context: int,
    by: str | None = None,
    shares: Sequence[GroupShares] = (),
    changes: Sequence[Change] = (),
) -> str:
    """Write senses as lines.

    Args:
        senses: The senses.
        names: Names that a person gave, by sense.
        context: Characters of text beside the most central usages.
        by: Column of the groups.
        shares: Shares of the senses in each group.
        changes: Distances between groups that follow each other.
    """
    total = len(senses.labels)
    lines = [f"{senses.word}: {counted(total, 'usage')}, {counted(len(senses.senses), 'sense')} ({senses.method})"]
    for sense in senses.senses:
        words = ", ".join(f"{each.word} {each.log_likelihood:.0f}" for each in sense.collocates)
        given = f'"{names[sense.id]}"  ' if sense.id in names else ""
        lines += [
            "",
            f"{sense.id + 1}.  {counted(sense.size, 'usage')}, {sense.size / total:.0%}  {given}{words}".rstrip(),
        ]
        lines += [f"    {senses.usages[number].in_context(context)}" for number in sense.central]
    lines += ["", *(f"{name:<14} {value}" for name, value in measures(senses))]
    if by is not None:
        lines += ["", *_shares(by, shares)]
    if changes:
        lines += ["", f"{'from':<14} {'to':<14} {'pairwise':>9} {'prototype':>9}"]
        lines += [f"{each.first:<14} {each.second:<14} {each.pairwise:9.3f} {each.prototypes:9.3f}" for each in changes]
    return "\n".join(lines).rstrip()


def measures(senses: Senses) -> list[tuple[str, str]]:
    """Say how far senses can be trusted, each measure with its name."""
    said = []
    if senses.unassigned:
        share = senses.unassigned / len(senses.labels)
        said.append(("in no sense", f"{counted(senses.unassigned, 'usage')}, {share:.0%}"))
    if senses.silhouette is not None:
        said.append(("silhouette", f"{senses.silhouette:.2f} (1: well apart, 0: not at all)"))
    if senses.stability is not None:
        meaning = "adjusted Rand of samples; 1: always the same, 0: chance"
        said.append(("stability", f"{senses.stability:.2f} ({meaning})"))
    return said


def sense_name(sense: int) -> str:
    """Name a sense by its number, counted from 1."""
    return f"sense {sense + 1}" if sense >= 0 else "no sense"


def _shares(by: str, shares: Sequence[GroupShares]) -> list[str]:
    if not shares:
        return []
    header = [f"{by:<14} {'usages':>7}", *(f"{sense_name(share.sense):>18}" for share in shares[0].shares)]
    rows = [
        "  ".join(
            [
                f"{group.group or '-':<14} {group.total:>7,}",
                *(f"{f'{each.share:.0%} ({each.low:.0%} to {each.high:.0%})':>18}" for each in group.shares),
            ]
        )
        for group in shares
    ]
    return ["  ".join(header), *rows]
