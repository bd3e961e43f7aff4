"""How the senses of a word are shown: as text, as JSON, and as a page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from wordstates.page.render import render
from wordstates.usages.change import Change, GroupShares, changes, shares_by
from wordstates.usages.sense_plots import colour_of, shares_plot, usages_plot
from wordstates.usages.senses import Senses, sense_name
from wordstates.wording import counted, in_columns, visible

_FEWEST = 3  # usages that make a picture


@dataclass(frozen=True, eq=False)
class SenseReport:
    """The senses of a word, ready to be shown.

    Args:
        senses: The senses.
        vectors: Vectors of the usages.
        names: Names that a person gave, by sense.
        context: Characters of text beside the most central usages.
        by: Column whose values are compared; None: none are.
    """

    senses: Senses
    vectors: Float[np.ndarray, "usages dim"] = field(repr=False)
    names: Mapping[int, str]
    context: int
    by: str | None = None

    @cached_property
    def _groups(self) -> list[str]:
        if self.by is None:
            return []
        return [str(usage.metadata.get(self.by) or "") for usage in self.senses.usages]

    @cached_property
    def shares(self) -> Sequence[GroupShares]:
        """Shares of the senses in each group."""
        return shares_by(self._groups, self.senses.labels) if self._groups else []

    @cached_property
    def changes(self) -> Sequence[Change]:
        """Distances between groups that follow each other."""
        return changes(self._groups, self.vectors) if self._groups else []

    @property
    def summary(self) -> str:
        """How many usages and senses there are."""
        senses = self.senses
        return f"{counted(len(senses.labels), 'usage')}, {counted(len(senses.senses), 'sense')} ({senses.method})"

    def to_text(self) -> str:
        """Write the senses, the lines that are most central, and the shares by group."""
        senses, total = self.senses, len(self.senses.labels)
        lines = [f"{senses.word}: {self.summary}"]
        for sense in senses.senses:
            words = visible(", ".join(f"{each.word} {each.log_likelihood:.0f}" for each in sense.collocates))
            given = f'"{visible(self.names[sense.id])}"  ' if sense.id in self.names else ""
            said = f"{sense.id + 1}.  {counted(sense.size, 'usage')}, {sense.size / total:.0%}  {given}{words}"
            lines += ["", said.rstrip()]
            lines += [f"    {senses.usages[number].in_context(self.context)}" for number in sense.central]
        lines += ["", *(f"{name:<14} {value}" for name, value in self._measures())]
        for rows in (self._share_rows(str(self.by)), self._change_rows("pairwise", "prototype")):
            lines += ["", in_columns(rows, "<>")] if rows else []
        return "\n".join(lines).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        data = self.senses.to_dict()
        for sense in data["senses"]:
            sense["name"] = self.names.get(sense["id"], sense["name"])
        if self.by is not None:
            data["by"] = self.by
            data["groups"] = [asdict(each) for each in self.shares]
            data["changes"] = [asdict(each) for each in self.changes]
        return data

    def to_html(self) -> str:
        """Make a page of its own.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        senses, total = self.senses, len(self.senses.labels)
        plots = [usages_plot(senses, self.vectors, self.names)] if total >= _FEWEST else []
        if self.shares:
            plots.append(shares_plot(str(self.by), self.shares, self.names))
        return render(
            "sense_page",
            title=f"Senses of “{senses.word}”",
            warnings=[],
            summary=self.summary,
            measures=self._measures(),
            plots=plots,
            senses=[
                {
                    "title": f"{sense_name(sense.id).capitalize()}: {self.names.get(sense.id, sense.name)}",
                    "colour": colour_of(sense.id),
                    "size": f"{counted(sense.size, 'usage')}, {sense.size / total:.0%}",
                    "words": ", ".join(each.word for each in sense.collocates),
                    "lines": [self._parts(number) for number in sense.central],
                }
                for sense in senses.senses
            ],
            by=self.by,
            shares=self._share_rows("group"),
            changes=self._change_rows("mean cosine distance of two usages", "cosine distance of the means"),
        )

    def _parts(self, number: int) -> tuple[str, str, str]:
        usage = self.senses.usages[number]
        left, right = usage.around(self.context)
        return left, usage.word, right

    def _measures(self) -> list[tuple[str, str]]:
        """Say how far the senses can be trusted, each measure with its name."""
        senses, said = self.senses, []
        if senses.unassigned:
            share = senses.unassigned / len(senses.labels)
            said.append(("in no sense", f"{counted(senses.unassigned, 'usage')}, {share:.0%}"))
        if senses.silhouette is not None:
            said.append(("silhouette", f"{senses.silhouette:.2f} (1: well apart, 0: not at all)"))
        if senses.stability is not None:
            meaning = "adjusted Rand of samples; 1: always the same, 0: chance"
            said.append(("stability", f"{senses.stability:.2f} ({meaning})"))
        return said

    def _share_rows(self, title: str) -> list[list[str]]:
        """Give the table of the shares, its head first; empty if nothing is compared."""
        if not self.shares:
            return []
        head = [title, "usages", *(sense_name(each.sense) for each in self.shares[0].shares)]
        rows = [
            [
                group.group or "-",
                f"{group.total:,}",
                *(f"{each.share:.0%} ({each.low:.0%} to {each.high:.0%})" for each in group.shares),
            ]
            for group in self.shares
        ]
        return [head, *rows]

    def _change_rows(self, pairwise: str, prototypes: str) -> list[list[str]]:
        """Give the table of the distances, its head first; empty if there are none."""
        rows = [[each.first, each.second, f"{each.pairwise:.3f}", f"{each.prototypes:.3f}"] for each in self.changes]
        return [["from", "to", pairwise, prototypes], *rows] if rows else []
