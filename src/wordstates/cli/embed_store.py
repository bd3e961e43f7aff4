"""`wordstates embed ... -o store/`: the part of the command that is about stores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordstates.cli.options import print_json, store_option
from wordstates.cli.telling import (
    DONE_WITH_REJECTS,
    list_rejects,
    notes_on,
    progress_bar,
    say,
    say_rejects,
    warn_in_lines,
)
from wordstates.errors import InputError, WordstatesError
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.cli.groups import EndOptions
    from wordstates.documents.document import Document
    from wordstates.documents.input_meter import InputMeter
    from wordstates.encode.protocols import Embedder
    from wordstates.runs.find import FindReport
    from wordstates.store.folder import StoreFolder
    from wordstates.store.settings import StoreSettings


@dataclass(kw_only=True)
class ShardOptions:
    """What only a store takes, as it is given."""

    shard_characters: Annotated[
        int | None, store_option(min=1, help="Characters of text in a shard; default 1,000,000.")
    ] = None
    shard: Annotated[str, store_option(metavar="I/N", help="Do part I of N only, from 0/N; others do the others.")] = (
        "0/1"
    )
    workers: Annotated[
        int | None, store_option(min=1, help="Processes that compute, each with a model; default 1.")
    ] = None
    ray: Annotated[
        str | None,
        store_option(metavar="ADDRESS", help="Compute on a Ray cluster: auto, HOST:PORT of its head, local."),
    ] = None
    no_verify: Annotated[
        bool, store_option("--no-verify", help="Go on without comparing finished shards with their checksums.")
    ] = False

    def changed(self) -> list[str]:
        """Name the options that are not at their default; one worker is what a single file has too."""
        default = type(self)()
        given = [name for name, value in vars(self).items() if value != getattr(default, name)]
        return ["--" + name.replace("_", "-") for name in given if (name, self.workers) != ("workers", 1)]

    def go_with(self, output: str, device: str | None, for_tables: Mapping[str, Any]) -> bool:
        """Tell whether the output is a store, and see that the options go with it, and with each other.

        Args:
            output: Where to write, as it was given.
            device: The devices, as they were given.
            for_tables: The options of tables for people, as they were given.

        Raises:
            typer.BadParameter: If they do not.
        """
        devices = _devices(device)
        if not names_a_store(output):
            for option in [*self.changed(), *(["--device with several devices"] if devices else [])]:
                raise typer.BadParameter(
                    f"{option} is for stores, and {output!r} is a single file: write to a name without an ending."
                )
            return False
        for option in ("--" + name.replace("_", "-") for name, given in for_tables.items() if given):
            raise typer.BadParameter(f"{option} is for .csv and .tsv, and {output!r} is a store: leave it out.")
        if self.ray is not None and (devices or (device or "cpu") not in ("cpu", "cuda")):
            raise typer.BadParameter(
                f"--device {device} does not go with --ray, which gives each worker a GPU of its own: cpu or cuda, or "
                "leave it out for the GPUs if there are any."
            )
        if devices and self.workers not in (None, 1) and self.workers % len(devices):
            raise typer.BadParameter(
                f"{counted(self.workers, 'worker')} do not fit {counted(len(devices), 'device')}, each of which has "
                f"equally many: leave --workers out for one each, or give a multiple of {len(devices)}."
            )
        return True

    def settings(self, **more: Any) -> StoreSettings:
        """Give the settings of the store; `more` are those that single files have too.

        Raises:
            typer.BadParameter: If they make no sense.
        """
        from wordstates.store.settings import StoreSettings
        from wordstates.store.shards import SHARD_CHARACTERS, Part

        try:
            settings = StoreSettings(
                **more,
                shard_characters=self.shard_characters or SHARD_CHARACTERS,
                part=Part.parse(self.shard),
                verify=not self.no_verify,
            )
            settings.check()
        except InputError as error:
            raise typer.BadParameter(str(error)) from error
        return settings

    def places(self, device: str | None, threads: int | None) -> dict[str, Any]:
        """Say where to compute, as arguments of `embed_to_store`."""
        from wordstates.store.workers.places import RayCluster

        if self.ray is None:
            return {"workers": self.workers or 1, "devices": _devices(device)}
        return {"cluster": RayCluster(self.ray, workers=self.workers, threads=threads, device=device)}


@dataclass(kw_only=True)
class ContextOptions(ShardOptions):
    """What only a store of all words takes."""

    context: Annotated[
        int | None, store_option(min=1, help="Add columns of so many characters before and after each word.")
    ] = None


def _devices(device: str | None) -> tuple[str, ...]:
    """Give the devices, if there are several, that the workers have in turn."""
    devices = tuple(name.strip() for name in device.split(",")) if device else ()
    return devices if len(devices) > 1 else ()


def one_device(device: str | None) -> str | None:
    """Give the device that every embedder has, if it is one."""
    return None if _devices(device) else device


SLASHES = ("/", os.sep)


def names_a_store(output: str) -> bool:
    """Tell whether an output is a store: it has no ending, ends with a slash, or is a folder that is there."""
    if output == "-":
        return False
    return output.endswith(SLASHES) or Path(output).is_dir() or not Path(output).suffix


def embed_into_store(
    make_embedder: Any,
    documents: Iterable[Document],
    meter: InputMeter,
    output: str,
    settings: StoreSettings,
    places: dict[str, Any],
    end: EndOptions,
    files: Sequence[str],
    found: FindReport | None = None,
) -> None:
    """Run, report, and end with the right exit code.

    Args:
        make_embedder: Makes what gives the vectors, with `device` where there are workers.
        documents: The documents, as a stream.
        meter: Knows how much of them has been read.
        output: The store, as it was given.
        settings: How it is made.
        places: Where to compute.
        end: How to tell it.
        files: The files that are read, where the input is a folder.
        found: What a search has found by the end of the documents; None: the rows are all words.

    Raises:
        typer.Exit: If it was stopped, or documents failed.
        WordstatesError: If the run fails.
    """
    from wordstates.store.folder import StoreFolder
    from wordstates.store.run import embed_to_store
    from wordstates.store.signals import Stopped, StopSignals

    stop = StopSignals(
        on_stop=lambda: say("\nwordstates: stopping; the current shard gets 5 seconds, another Ctrl-C ends at once.")
    )
    before = 0 if settings.overwrite else len(_shards_in(output))
    unit = "words" if found is None else "usages"
    try:
        with stop, progress_bar(unit, hidden=end.no_bar, share=meter.share, lines=True) as progress:
            report = embed_to_store(
                partial(_made, make_embedder),
                documents,
                output,
                settings,
                **places,
                progress=progress,
                share_read=meter.share,
                stop=stop,
            )
    except _OptionError as error:
        raise typer.BadParameter(str(error)) from error
    except Stopped as stopped:
        say(f"\nwordstates: {_how_it_stands(StoreFolder(output), 'stopped', settings)}")
        raise typer.Exit(stopped.exit_code) from stopped
    except WordstatesError:
        if len(_shards_in(output)) > before and not end.quiet:  # else nothing that this run did is kept
            say(f"wordstates: {_how_it_stands(StoreFolder(output), 'failed', settings)}")
        raise
    report.files = [*files]
    if found is not None:
        report.searched, report.targets = found.texts, found.targets
    if end.json:
        print_json(report.to_dict())
    elif not end.quiet:
        left_only = report.causal and report.provenance["context"] == "left"
        texts = report.texts if found is None else 0  # a text may well have a single usage
        say(report.to_text(), *notes_on(report.statuses, report.words, texts=texts, left_only=left_only))
    if report.rejects:
        folder = StoreFolder(output)
        list_rejects(folder, report.rejects)
        say_rejects(len(report.rejects), folder.rejects)
        raise typer.Exit(DONE_WITH_REJECTS)


class _OptionError(InputError):
    """An option that does not go with the model or this machine: there was no text yet."""


def _made(make_embedder: Any, **given: Any) -> Embedder:
    warn_in_lines()  # this may be a worker
    try:
        return make_embedder(**given)  # type: ignore[no-any-return]
    except InputError as error:
        raise _OptionError(str(error)) from error


def _how_it_stands(folder: StoreFolder, how: str, settings: StoreSettings) -> str:
    count = len(_shards_in(folder.path))
    shards = f"{counted(count, 'finished shard')} {'is' if count == 1 else 'are'} kept in {folder}"
    same = "the same command without --overwrite" if settings.overwrite else "the same command"
    return f"{how}; {shards}: {same} continues from there."


def _shards_in(store: str | Path) -> list[Path]:
    return list((Path(store) / "shards").glob("part-*.parquet"))
