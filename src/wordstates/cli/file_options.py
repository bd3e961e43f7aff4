"""What commands look for, and what they write of it: options that `embed`, `find` and `kwic` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordstates.cli.groups import EndOptions, columns_named
from wordstates.cli.options import Bom, MatchCase, MatchExactly, output_option, search_option, vectors_option
from wordstates.cli.outputs import check_outputs
from wordstates.errors import InputError
from wordstates.options import VectorDtype

if TYPE_CHECKING:
    from wordstates.runs.searchers import Searcher


@dataclass(kw_only=True)
class SearchOptions:
    """What is looked for."""

    more: Annotated[list[str] | None, search_option("--target", "-t", help="One more TARGET; repeatable.")] = None
    regex: Annotated[bool, search_option("--regex", help="Targets are regular expressions, matched as they are.")] = (
        False
    )
    lemma: Annotated[bool, search_option("--lemma", help="Targets are lemmas, which CoNLL-U input has.")] = False
    match_case: MatchCase = False
    match_exactly: MatchExactly = False

    def targets(self, first: str) -> list[str]:
        """Give all targets, of which the first was named by itself."""
        return [first, *(self.more or [])]

    @property
    def kind(self) -> str:
        """What the targets are; see `make_searcher`."""
        if self.regex and self.lemma:
            raise typer.BadParameter("--regex and --lemma exclude each other: lemmas are matched whole.")
        return "regex" if self.regex else "lemma" if self.lemma else "text"

    def searcher(self, first: str) -> Searcher:
        """Make what finds them."""
        from wordstates.runs.searchers import make_searcher, read_targets

        try:
            targets = read_targets(self.targets(first))
            return make_searcher(
                targets, kind=self.kind, ignore_case=not self.match_case, match_exactly=self.match_exactly
            )
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    def told(self, searcher: Searcher) -> dict[str, Any]:
        """Give what is looked for, and how, as plain data."""
        more = {"ignore_case": not self.match_case, "match_exactly": self.match_exactly}
        return {"targets": searcher.names, "kind": self.kind} | more


@dataclass(kw_only=True)
class FileOptions:
    """What is written of words and usages, and how."""

    surprisal: Annotated[
        bool, vectors_option("--surprisal", help="Causal models: add a column, the surprisal of each word in bits.")
    ] = False
    left_subwords: Annotated[
        bool,
        vectors_option("--left-subwords", help="Add a column: how many subwords of text each word was read after."),
    ] = False
    metadata: Annotated[
        str | None,
        output_option(
            metavar="COLUMN,COLUMN",
            help="Columns or keys to write beside each word; of CoNLL-U also upos, feats, ...; of CoNLL label.",
        ),
    ] = None
    dtype: Annotated[VectorDtype, output_option(help="Numbers in the file.")] = "float32"
    vectors: Annotated[
        bool, output_option("--vectors", help="Also write the vectors to .csv, .tsv and .xlsx, a column a number.")
    ] = False
    vectors_file: Annotated[
        str | None,
        output_option(
            metavar="FILE",
            help="Write the vectors of .csv, .tsv and .xlsx beside: row n belongs to id n; .npz, .parquet, "
            ".safetensors or .jsonl.",
        ),
    ] = None
    bom: Bom = False

    def check(self, output: str, inputs: Sequence[str], end: EndOptions) -> None:
        """See that nothing that is written is read as well, or is there."""
        for path in (output, self.vectors_file):
            if path is not None:
                check_outputs(path, inputs, overwrite=end.overwrite)

    def columns(self) -> list[str] | None:
        """Name the columns or keys of the input that are wanted; None: nothing was said of them."""
        return columns_named(self.metadata)

    def needs_model(self) -> bool:
        """Tell whether something is asked for that only a model gives, whatever the file is."""
        return self.vectors or self.vectors_file is not None or self.surprisal or self.left_subwords

    def for_tables(self) -> dict[str, Any]:
        """Give what only tables for people take, as arguments of `open_writer`."""
        return {"vectors": self.vectors, "vectors_file": self.vectors_file, "bom": self.bom}

    def for_embedder(self) -> dict[str, Any]:
        """Give the further columns, as arguments of an embedder."""
        return {"surprisal": self.surprisal, "left_subwords": self.left_subwords}
