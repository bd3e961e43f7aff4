"""The options of `wordstates sweep`: where the data is, what it is about, and which recipes are scored on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from wordstates.cli.options import data_option, each_of, vectors_option
from wordstates.options import Grid, Overlap, SubwordPooling, TaskName

if TYPE_CHECKING:
    from wordstates.evaluate.data.task import Task
    from wordstates.evaluate.sweep.run import SweepOptions
    from wordstates.options import Split

_POOLINGS = [pooling for pooling in get_args(SubwordPooling) if pooling != "none"]


@dataclass(kw_only=True)
class SplitOptions:
    """Where the labelled data is, and how it is parted."""

    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="Labelled data, a file or a folder; with --test, the training data."),
    ] = None
    train: Annotated[str | None, data_option(metavar="FILE", help="The same as DATA.")] = None
    dev: Annotated[str | None, data_option(metavar="FILE", help="What the recipe is chosen on.")] = None
    test: Annotated[str | None, data_option(metavar="FILE", help="What the choice is scored on.")] = None

    def paths(self) -> dict[Split | None, str]:
        """Give the file of each split; the key None for data that is divided.

        Raises:
            typer.BadParameter: If a recipe cannot be chosen and scored on these files.
        """
        if self.data is not None and self.train is not None:
            raise typer.BadParameter("DATA and --train are the same: give one of them.")
        train = self.data if self.train is None else self.train
        if train is not None and self.dev is None and self.test is None:
            return {None: train}
        named: dict[Split | None, str | None] = {"train": train, "dev": self.dev, "test": self.test}
        given = {split: path for split, path in named.items() if path is not None}
        if not given:
            raise typer.BadParameter("There is no DATA: give a file or a folder.")
        if self.test is None or len(given) == 1:
            raise typer.BadParameter(
                "The score is reported on --test, and the recipe chosen on other data: give both, or one file that is "
                "divided."
            )
        return given


@dataclass(kw_only=True)
class TaskOptions:
    """What the labelled data is about."""

    task: Annotated[TaskName | None, data_option(help="What the data is; default what it looks like.")] = None
    label: Annotated[
        str, data_option(help="CoNLL-U: upos, xpos, deprel, lemma, or a key of the features, as Number.")
    ] = "upos"
    earlier: Annotated[
        list[str] | None,
        data_option(
            metavar="CORPUS", help="Change: DATA is a list of targets; their earlier usages are in this corpus."
        ),
    ] = None
    later: Annotated[
        list[str] | None, data_option(metavar="CORPUS", help="Change: the later usages are in this corpus.")
    ] = None
    limit: Annotated[int | None, data_option(min=1, help="Take a sample of about so many items of each split.")] = None
    overlap_of_splits: Annotated[
        Overlap, data_option(help="Items in two splits; drop leaves them out of the training data.")
    ] = "error"

    def read(self, paths: dict[Split | None, str], *, seed: int) -> Task:
        """Read the data."""
        from wordstates.evaluate.data.read import DataOptions, read_task

        options = DataOptions(
            task=self.task,
            label=self.label,
            earlier=self.earlier or (),
            later=self.later or (),
            limit=self.limit,
            seed=seed,
            drop_overlap=self.overlap_of_splits == "drop",
        )
        return read_task(paths, options)


@dataclass(kw_only=True)
class GridOptions:
    """Which recipes are scored, and how."""

    subword_poolings: Annotated[
        str, vectors_option(callback=each_of(*_POOLINGS), help="Ways to pool subwords, separated by commas.")
    ] = "mean,first,last"
    post_process: Annotated[
        str | None,
        vectors_option(
            metavar="STEPS,STEPS",
            help="What is done to vectors afterwards, each in turn: none, or steps of `wordstates fit`; default what "
            "suits the task.",
        ),
    ] = None
    grid: Annotated[Grid, vectors_option(help="How many combinations of layers are tried.")] = "small"
    metric: Annotated[
        str | None,
        vectors_option(
            help="The score that counts, as macro_f1, accuracy, neighbour, prototype; default what suits the data."
        ),
    ] = None
    folds: Annotated[int, vectors_option(min=3, help="Parts that data without splits is divided into.")] = 5
    seed: Annotated[int, vectors_option(min=0, help="Seed of all random choices.")] = 0

    def for_sweep(self) -> SweepOptions:
        """Give them as the sweep takes them.

        Raises:
            typer.BadParameter: If there is no such post-processing.
        """
        from wordstates.evaluate.sweep.run import SweepOptions

        return SweepOptions(
            poolings=self.subword_poolings.split(","),  # type: ignore[arg-type]  # checked by the option's callback
            post_processings=self._chains(),
            grid=self.grid,
            metric=self.metric,
            n_folds=self.folds,
            seed=self.seed,
        )

    def _chains(self) -> list[str] | None:
        from wordstates.errors import InputError
        from wordstates.evaluate.sweep.grid import NOTHING
        from wordstates.postprocess.steps import parse_steps

        chains = None if self.post_process is None else [chain.strip() for chain in self.post_process.split(",")]
        try:
            for chain in chains or []:
                if chain != NOTHING:
                    parse_steps(chain)
        except InputError as error:
            raise typer.BadParameter(str(error)) from error
        return chains
