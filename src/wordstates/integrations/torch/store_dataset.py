"""`StoreDataset` and `collate`: stored word vectors as batches for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from wordstates.errors import InputError, ItemError, without_foreign_errors
from wordstates.integrations.torch.stored_documents import StoredDocuments, open_part, parts_of
from wordstates.wording import counted

IGNORED = -100  # the label that torch.nn.CrossEntropyLoss leaves out


@dataclass(frozen=True, eq=False)
class StoredDocument:
    """The words of one document.

    Args:
        document: Its id.
        words: The words.
        vectors: float32, (words, dim) or (words, layers, dim); a word without a vector is a row of NaN.
        has_vector: Whether a word has one.
        labels: One for the document, or one per word; None: none were given.
    """

    document: str
    words: list[str]
    vectors: Float[Tensor, "words ..."]
    has_vector: Bool[Tensor, " words"]
    labels: Any = None


@without_foreign_errors
class StoreDataset(Dataset[StoredDocument]):
    """The documents of a store, or of a Parquet file of `wordstates embed`, each with its vectors.

    Any document can be asked for; only the row groups it lies in are read, and few are kept. Documents without a word
    have no row in a store, and are not there. Workers of a `DataLoader` read for themselves.

    Args:
        store: The folder of a store, or a Parquet file.
        columns: Column of vectors, or several to put side by side; default the only one.
        labels: By the id of the document: a number, or a sequence of numbers, one per word.
        row_groups: How many row groups stay in memory, of about 32 MB each.
        verify: Whether to compare the shards of a store with their checksums, once, before anything is read.

    Raises:
        InputError: If there is no such store or column, or a document has no label.

    Examples:
        >>> import tempfile
        >>> from torch.utils.data import DataLoader
        >>> from wordstates import Document, WordEmbedder, embed_corpus
        >>> folder = tempfile.mkdtemp()
        >>> documents = [Document("a", "A river bank."), Document("b", "Money.")]
        >>> report = embed_corpus(documents, folder, WordEmbedder("minilm"))
        >>> dataset = StoreDataset(folder, labels={"a": 0, "b": 1})
        >>> (batch,) = DataLoader(dataset, batch_size=2, collate_fn=collate)
        >>> batch.vectors.shape, batch.mask.sum(dim=1).tolist(), batch.labels.tolist()
        (torch.Size([2, 4, 384]), [4, 2], [0, 1])
    """

    def __init__(
        self,
        store: str | Path,
        columns: str | Sequence[str] | None = None,
        labels: Mapping[str, Any] | None = None,
        *,
        row_groups: int = 2,
        verify: bool = True,
    ) -> None:
        if row_groups < 1:
            raise InputError(f"row_groups={row_groups} keeps nothing to read from: give at least 1.")
        self.columns = [columns] if isinstance(columns, str) else list(columns or _only_vectors(store))
        self._documents = StoredDocuments(store, ["word", *self.columns], row_groups=row_groups, verify=verify)
        for name in self.columns:
            if not pa.types.is_fixed_size_list(self._documents.schema.field(name).type):
                raise InputError(f"Column {name!r} of {str(store)!r} holds no vectors.")
        self._labels = labels

    def __len__(self) -> int:
        """Count the documents."""
        return len(self._documents)

    def __getitem__(self, index: int) -> StoredDocument:
        """Read a document.

        Raises:
            ItemError: If there is no such document.
            InputError: If it has no label, or not one per word.
        """
        if not -len(self) <= index < len(self):
            raise ItemError(f"Document {index} does not exist: there are {len(self):,}.")
        table = self._documents[index % len(self)]
        name, words = table["document"][0].as_py(), table["word"].to_pylist()
        parts = [_vectors(table[column], self._documents.vector_shape(column)) for column in self.columns]
        vectors = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(len(words), -1) for part in parts], 1)
        return StoredDocument(
            document=name,
            words=words,
            vectors=torch.from_numpy(vectors),
            has_vector=torch.from_numpy(~np.isnan(vectors.reshape(len(words), -1)).any(axis=1)),
            labels=self._label(name, len(words)),
        )

    def sampler(self, *, seed: int = 0, at_once: int = 1) -> Sampler[int]:
        """Give a random order in which each row group is read once: for ``DataLoader(..., sampler=...)``.

        Row groups come in random order, and documents in random order within `at_once` of them. Each time it is gone
        through, an epoch, the order is another.

        Args:
            seed: Decides the order.
            at_once: Row groups whose documents are mixed; keep as many in memory (`row_groups`), one more where
                documents lie across two.
        """
        return _RowGroupSampler(self._documents.groups_of_documents(), seed, at_once)

    def _label(self, document: str, words: int) -> Any:
        if self._labels is None:
            return None
        if document not in self._labels:
            raise InputError(f"Document {document!r} has no label: labels are by the id of the document.")
        label = self._labels[document]
        if np.ndim(label) and len(label) != words:
            raise InputError(
                f"Document {document!r} has {counted(len(label), 'label')} for "
                f"{counted(words, 'word')}: give one per word."
            )
        return label


class WordBatch(NamedTuple):
    """Some documents, padded.

    Args:
        vectors: (documents, words, dim); zeros where `mask` is False, so that gradients stay finite.
        mask: True where there is a word and it has a vector.
        labels: (documents,), or (documents, words) with -100 (NaN for numbers with a fraction) where `mask` is False;
            None: none were given.
        documents: Their ids.
        words: Their words.
    """

    vectors: Tensor
    mask: Tensor
    labels: Tensor | None
    documents: list[str]
    words: list[list[str]]


@without_foreign_errors
def collate(items: Sequence[StoredDocument]) -> WordBatch:
    """Pad documents to one batch: the `collate_fn` of a `DataLoader`.

    Raises:
        InputError: If some have one label per word and others one in all, or a label is no number.
    """
    longest = max(len(item.words) for item in items)
    mask = torch.zeros(len(items), longest, dtype=torch.bool)
    vectors = torch.zeros(len(items), longest, *items[0].vectors.shape[1:])
    for row, item in enumerate(items):
        mask[row, : len(item.words)] = item.has_vector
        vectors[row, : len(item.words)][item.has_vector] = item.vectors[item.has_vector]
    return WordBatch(
        vectors, mask, _labels(items, mask), [item.document for item in items], [item.words for item in items]
    )


def _labels(items: Sequence[StoredDocument], mask: Bool[Tensor, "documents words"]) -> Tensor | None:
    if items[0].labels is None:
        return None
    arrays = [np.asarray(item.labels) for item in items]
    for item, array in zip(items, arrays, strict=True):
        if array.dtype.kind not in "buif":
            raise InputError(f"Labels of document {item.document!r} are no numbers ({item.labels!r}): number them.")
        if array.ndim != arrays[0].ndim:
            raise InputError(f"Documents {items[0].document!r} and {item.document!r} are not labelled alike.")
    fractions = any(array.dtype.kind == "f" for array in arrays)
    dtype = torch.float32 if fractions else torch.long
    if not arrays[0].ndim:
        return torch.tensor([array.item() for array in arrays], dtype=dtype)
    labels = torch.full(mask.shape, float("nan") if fractions else IGNORED, dtype=dtype)
    for row, array in enumerate(arrays):
        labels[row, : len(array)] = torch.from_numpy(array.astype(np.float32 if fractions else np.int64))
    labels[~mask] = float("nan") if fractions else IGNORED
    return labels


@without_foreign_errors
class _RowGroupSampler(Sampler[int]):
    """See `StoreDataset.sampler`."""

    def __init__(self, groups: np.ndarray, seed: int, at_once: int) -> None:
        if at_once < 1:
            raise InputError(f"at_once={at_once} mixes nothing: give at least 1.")
        self._groups = groups
        self._seed = seed
        self._at_once = at_once
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        self._epoch += 1
        order = random.permutation(np.unique(self._groups))
        for begin in range(0, len(order), self._at_once):
            yield from random.permutation(
                np.flatnonzero(np.isin(self._groups, order[begin : begin + self._at_once]))
            ).tolist()


def _only_vectors(store: str | Path) -> list[str]:
    opened, files = parts_of(store, verify=False)
    with open_part(opened, files[0]) as file:
        names = [field.name for field in file.schema_arrow if pa.types.is_fixed_size_list(field.type)]
    if len(names) != 1:
        raise InputError(
            f"{str(store)!r} has {counted(len(names), 'column')} of vectors ({', '.join(names)}): choose with "
            "columns=..."
        )
    return names


def _vectors(column: pa.ChunkedArray, shape: tuple[int, ...]) -> Float[np.ndarray, "words ..."]:
    """Give a column as float32, NaN where a word has no vector."""
    lists = column.combine_chunks()
    valid = lists.is_valid().to_numpy(zero_copy_only=False)
    vectors = np.full((len(lists), int(np.prod(shape))), np.nan, dtype=np.float32)
    vectors[valid] = lists.flatten().to_numpy(zero_copy_only=False).reshape(-1, vectors.shape[1])
    return vectors.reshape(len(lists), *shape)
