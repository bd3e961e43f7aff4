"""What documents say of themselves and of their words, as columns of an output."""

from __future__ import annotations

from collections.abc import Sequence

from wordstates.documents.document import Document

# Names that files of vectors and of usages have for themselves, as columns or as arrays.
_OWN = {"document", "position", "word", "start", "end", "status", "subwords", "key", "subword", "target", "left"}
_OWN |= {"right", "words", "statuses", "documents", "keys", "has_vector", "text_starts", "document_index", "wordstates"}
_OWN |= {"surprisal", "left_subwords"}


def output_name(name: str) -> str:
    """Name the column of an output that holds a column of the input; one of our own names gets ``input_`` before it.

    Examples:
        >>> output_name("onset"), output_name("start"), output_name("vector")
        ('onset', 'input_start', 'input_vector')
    """
    return f"input_{name}" if name in _OWN or name.startswith("vector") else name


def names_of(documents: Sequence[Document]) -> list[str]:
    """Name what some documents say of themselves and of their words, in order of first mention."""
    return list(dict.fromkeys(name for each in documents for name in (*each.metadata, *each.columns)))


def columns_of(documents: Sequence[Document]) -> list[str]:
    """Name the columns of an output that hold what is written of usages, and what documents say, in their order."""
    return [*_of_usages(documents), *map(output_name, names_of(documents))]


def _of_usages(documents: Sequence[Document]) -> list[str]:
    return list(dict.fromkeys(name for each in documents for name in each.usages))


def word_columns(documents: Sequence[Document], counts: Sequence[int], first: int = 0) -> dict[str, list[str | None]]:
    """Lay out what is written of usages, and what documents say, one value per word.

    Args:
        documents: The documents.
        counts: Words of each.
        first: Index of the first of these words in its document.

    Returns:
        Column of the output to values, None where a document says nothing.
    """
    columns: dict[str, list[str | None]] = {
        name: [
            value
            for document, count in zip(documents, counts, strict=True)
            for value in document.usages[name][first : first + count]
        ]
        for name in _of_usages(documents)
    }
    for name in names_of(documents):
        values = columns[output_name(name)] = []
        for document, count in zip(documents, counts, strict=True):
            of_words = document.columns.get(name)
            if of_words is None:
                values.extend([document.metadata.get(name)] * count)
            else:
                values.extend(of_words[first : first + count])
    return columns


def keys_of(documents: Sequence[Document], counts: Sequence[int], first: int = 0) -> list[Sequence[str] | None]:
    """Give the keys of the words of documents, or of those from the `first` on; None where a document has none."""
    return [
        None if document.keys is None else document.keys[first : first + count]
        for document, count in zip(documents, counts, strict=False)
    ]


def value_at(document: Document, name: str, start: int, end: int) -> str | None:
    """Give what a document says of a stretch of its text: of several words, their values joined by a space."""
    of_words = document.columns.get(name)
    if of_words is None:
        return document.metadata.get(name)
    values = [
        value
        for value, (first, last) in zip(of_words, document.spans or (), strict=True)
        if first < end and start < last and value is not None
    ]
    return " ".join(values) if values else None
