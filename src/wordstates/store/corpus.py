"""A corpus into a store, by one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordstates.documents.given import Corpus, open_corpus
from wordstates.embedder import WordEmbedder
from wordstates.errors import without_foreign_errors
from wordstates.options import MODEL, VectorDtype
from wordstates.progress import progress
from wordstates.store.report import StoreReport
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.shards import SHARD_CHARACTERS, Part

if TYPE_CHECKING:
    from wordstates.store.workers.places import RayCluster


@without_foreign_errors
def embed_corpus(
    inputs: Corpus,
    store: str | Path,
    embedder: WordEmbedder | Callable[..., WordEmbedder] | str = MODEL,
    *,
    dtype: VectorDtype = "float32",
    context: int | None = None,
    shard_characters: int = SHARD_CHARACTERS,
    part: str = "0/1",
    overwrite: bool = False,
    verify: bool = True,
    workers: int = 1,
    devices: Sequence[str] = (),
    cluster: RayCluster | None = None,
    show_progress: bool = False,
    on_progress: Callable[[int], object] | None = None,
    **reading: Any,
) -> StoreReport:
    """Write the vectors of every word of a corpus into a store; the same call continues where the last one stopped.

    Args:
        inputs: A file, a folder, several of them, or documents as `read_documents` gives them.
        store: Folder of the store: a store, an empty folder, or not there.
        embedder: An embedder; the name of a model; or, for workers, a `functools.partial` of `WordEmbedder`.
        dtype: Precision of the vectors.
        context: Characters of context on each side of a word, as two more columns; None: no such columns.
        shard_characters: Budget of a shard.
        part: ``"2/16"`` does every sixteenth shard only; other runs do the others.
        overwrite: Begin anew, whatever is there.
        verify: Compare finished shards with their checksums, before they are left as they are.
        workers: Processes that compute.
        devices: Given to the workers in turn; each has at least one.
        cluster: Compute on the nodes of a cluster; None: on this machine.
        show_progress: Show a bar on standard error.
        on_progress: Called with the number of words that have got vectors, again and again.
        reading: Options of `read_documents`, as ``text_column``, where `inputs` are paths.

    Returns:
        What is in the store, and what this run did.

    Raises:
        InputError: If the input cannot be read, has no words, or is not the one that the store was begun with.
        OutputError: If settings differ from those of the store, another run writes it, or it cannot be written.
        WorkerError: If a worker is gone.

    Examples:
        >>> import tempfile
        >>> from wordstates import Document, open_store
        >>> folder = tempfile.mkdtemp()
        >>> report = embed_corpus([Document("a", "A river bank.")], folder)
        >>> open_store(folder).complete
        True
    """
    documents, keyed = open_corpus(inputs, reading)
    settings = StoreSettings(
        dtype=dtype,
        context=context,
        keyed=keyed,
        shard_characters=shard_characters,
        part=Part.parse(part),
        overwrite=overwrite,
        verify=verify,
        input={name: value for name, value in reading.items() if value is not None},
    )
    made = partial(WordEmbedder, embedder) if isinstance(embedder, str) else embedder
    with progress(show_progress, on_progress) as advance:
        return embed_to_store(
            made, documents, store, settings, workers=workers, devices=devices, cluster=cluster, progress=advance
        )
