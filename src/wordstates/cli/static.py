"""`wordstates static`: one vector per word type, from its usages in a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from wordstates.cli.groups import EndOptions, InputPaths, ModelOptions, ReadingOptions, WordOptions
from wordstates.cli.options import MatchCase, MatchExactly, each_of, output_option, search_option, vectors_option
from wordstates.cli.outputs import check_outputs
from wordstates.cli.telling import end_with, progress_bar
from wordstates.documents.input_meter import InputMeter
from wordstates.errors import InputError, RecipeError
from wordstates.options import StaticKind

if TYPE_CHECKING:
    from wordstates.recipe import Recipe
    from wordstates.static.types import Types


@dataclass(kw_only=True)
class TypeOptions:
    """What a type is, and which types get vectors."""

    min_count: Annotated[int, vectors_option(min=1, help="Leave out types that occur less often.")] = 1
    max_usages: Annotated[
        int | None,
        vectors_option(min=1, help="Average only the first N usages of a type."),
    ] = None
    by: Annotated[
        str | None, vectors_option(metavar="COLUMN", help="One vector per word and value of COLUMN: decade, author.")
    ] = None
    lowercase: Annotated[bool, vectors_option("--lowercase", help="Take Fox and fox for one type.")] = False
    vocabulary: Annotated[
        str | None,
        search_option(metavar="FILE", help="Words and phrases to look for, one per line; no others are read."),
    ] = None
    phrases: Annotated[
        str | None,
        search_option(metavar="FILE", help="Phrases to look for beside all words, one per line; they get vectors."),
    ] = None
    match_case: MatchCase = False
    match_exactly: MatchExactly = False

    def lists(self) -> dict[str, list[str]]:
        """Read the files of words and phrases, by the names of their options."""
        from wordstates.runs.searchers import read_list

        given = {"vocabulary": self.vocabulary, "phrases": self.phrases}
        return {name: read_list(path.removeprefix("@")) for name, path in given.items() if path is not None}

    def types(self, lists: dict[str, list[str]]) -> Types:
        """Make what finds the types."""
        from wordstates.static.types import Types

        try:
            return Types(
                **lists,
                ignore_case=not self.match_case,
                match_exactly=self.match_exactly,
                by=self.by,
                lowercase=self.lowercase,
                max_usages=self.max_usages,
            )
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    def told(self, lists: dict[str, list[str]]) -> dict[str, Any]:
        """Give them as provenance, with the lengths of the lists."""
        plain = {name: getattr(self, name) for name in ("min_count", "max_usages", "by", "lowercase")}
        return plain | {"vocabulary": None} | {name: len(each) for name, each in lists.items()}


def static(
    inputs: InputPaths,
    output: Annotated[str, output_option("--output", "-o", help="OUT.txt or .bin (word2vec), .parquet, .safetensors.")],
    kind: Annotated[
        list[str] | None,
        vectors_option(
            callback=each_of(*get_args(StaticKind)),
            help="usages (default: mean of the usages), alone (the word as a text of its own), input (alone, layer 0); "
            "repeat it for vectors beside each other.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, output_option("--dry-run", help="Count words and types; load no model, write nothing.")
    ] = False,
    *,
    splitting: WordOptions,
    typing: TypeOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
) -> None:
    """Write one vector per word type: the mean of its usages in INPUT.

    Memory grows with the types, not with the usages. The report says how contextual the words are.

    Example:
        $ wordstates static corpus/ -o vectors.txt --min-count 5
    """
    from wordstates.runs.groups import sound
    from wordstates.static.files import StaticFile
    from wordstates.static.run import StaticReport, count, make_static
    from wordstates.text.words import word_splitter

    kinds = tuple(dict.fromkeys(kind or ["usages"]))
    recipes = _recipes(reader.recipes(), kinds)
    types = typing.types(lists := typing.lists())
    wanted = reading.not_in_names(typing.by)
    documents = reading.documents(inputs, wanted, meter=(meter := InputMeter()), ids_must_differ=False)
    if not dry_run:
        check_outputs(output, inputs, overwrite=end.overwrite)
    file = StaticFile(output, overwrite=end.overwrite or dry_run, sets=_sets(kinds, recipes))
    if dry_run:
        report = StaticReport(dry_run=True)
        splitter = word_splitter(splitting.splitter, punctuation=not splitting.no_punctuation)
        for _ in types.of(sound(documents, report.rejects), splitter.split):
            pass
        count(types, report, min_count=typing.min_count)
        end_with(report, output, end, dry_run=True)
        return
    with progress_bar(hidden=end.no_bar, share=meter.share) as bar:
        vectors, report = make_static(
            reader.embedder(recipes, **splitting.for_embedder()),
            documents,
            types,
            kinds=kinds,
            min_count=typing.min_count,
            provenance={"static": {"kinds": [*kinds], **typing.told(lists)}},
            on_progress=bar,
        )
    report.bytes = file.write(vectors)
    end_with(report, output, end)


def _recipes(given: list[Recipe], kinds: tuple[str, ...]) -> list[Recipe]:
    """Give what one pass has to take: for the kind `input` also layer 0, with the subwords pooled as in the others."""
    from wordstates.recipe import Recipe
    from wordstates.static.run import INPUT

    for recipe in given:
        if "none" in (recipe.layer_pooling, recipe.subword_pooling):
            raise RecipeError(
                f"Recipe {recipe.name!r} gives several vectors a word, and a static vector is one: pool subwords and "
                "layers (mean, or concat for layers)."
            )
    if INPUT not in kinds:
        return given
    layer0 = Recipe(0, "mean", given[0].subword_pooling, name=INPUT)
    return [layer0] if kinds == (INPUT,) else [*given, layer0]


def _sets(kinds: tuple[str, ...], recipes: list[Recipe]) -> int:
    """Count the sets of vectors in the file."""
    several = len(recipes) - ("input" in kinds)
    return sum(1 if kind == "input" else several for kind in kinds)
