"""Word embeddings as one file: one that `load` reads back, with all that they hold; or a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wordstates.errors import OutputError
from wordstates.files.formats import LOADABLE, SAVED, SPREADSHEETS, output_format
from wordstates.files.open_writer import open_writer
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.rows import make_rows


def save_embeddings(embeddings: EmbeddedWords, path: str | Path, *, overwrite: bool = False) -> int:
    """Write a file, by its ending, and give its bytes on disk; see `WordEmbeddings.save`."""
    chosen = output_format(Path(path))
    if chosen is not None and chosen not in LOADABLE:
        other = "to_spreadsheet()" if chosen in SPREADSHEETS else "`wordstates embed`"
        raise OutputError(
            f"{str(path)!r}: {chosen} does not hold all that is here, and cannot be read back: save as "
            f"{', '.join(f'.{name}' for name in LOADABLE)}. Such files are written by {other}."
        )
    writer = open_writer(path, overwrite=overwrite)
    try:
        writer.write_rows(make_rows([str(index) for index in range(len(embeddings.texts))], embeddings))
        return writer.commit(_provenance(embeddings))
    finally:
        writer.abort()  # does nothing after commit


def save_table(
    embeddings: EmbeddedWords,
    path: str | Path,
    *,
    context: int | None = None,
    extra: Mapping[str, Sequence[str | None]] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> int:
    """Write a table for people, by its ending, and give its bytes on disk; see `WordEmbeddings.to_spreadsheet`."""
    if output_format(Path(path)) not in SPREADSHEETS:
        raise OutputError(f"{str(path)!r} is no table for people: .csv, .tsv or .xlsx. All else is written by save().")
    writer = open_writer(path, overwrite=overwrite, **options)
    try:
        documents = [str(index) for index in range(len(embeddings.texts))]
        writer.write_rows(make_rows(documents, embeddings, context=context, extra=extra))
        return writer.commit(embeddings.provenance)
    finally:
        writer.abort()  # does nothing after commit


def _provenance(embeddings: EmbeddedWords) -> dict[str, Any]:
    """Give the provenance of these recipes only, and what is in no column."""
    recipes = [
        {**column.recipe.to_dict(), "layer_numbers": list(column.layers)} for column in embeddings.columns.values()
    ]
    saved = {
        "texts": embeddings.texts,
        "of_words": embeddings.of_words,
        "subword_ids": embeddings.subword_ids.tolist(),
        "vocabulary": {str(index): piece for index, piece in embeddings.vocabulary.items()},
        "shapes": {name: column.values.shape[1:] for name, column in embeddings.columns.items()},
        "numbers": list(embeddings.numbers),
        "reading": dict(embeddings.reading),
    }
    return {**embeddings.provenance, "recipes": recipes, SAVED: saved}
