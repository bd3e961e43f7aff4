"""From whatever was named to an index: texts are embedded, stores and files are indexed, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wordstates.errors import InputError
from wordstates.usages.build import build_index, default_index_path
from wordstates.usages.index import UsageIndex
from wordstates.usages.manifest import NAME

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder


def index_for(
    source: str | Path,
    on_progress: Callable[[int], object] = lambda _: None,
    make_embedder: Callable[[], Embedder] | None = None,
    *,
    verify: bool = True,
) -> UsageIndex:
    """Give the index of a source, and make what is not there yet.

    Args:
        source: An index, a store, a Parquet file of usages; or a file or folder of texts, which is embedded into the
            store ``NAME-store`` beside it.
        on_progress: Called with the number of words that were embedded or indexed.
        make_embedder: Makes what embeds texts; default the default model.
        verify: Whether to compare what is read with its checksums.

    Raises:
        InputError: If there is nothing of this name, or nothing that can be indexed.
    """
    path = Path(source)
    if not path.exists():
        raise InputError(f"{str(source)!r} does not exist: name a store, a file of usages, or texts.")
    if (path / NAME).is_file():
        return UsageIndex(path, verify=verify)
    if not (path / "manifest.json").is_file() and path.suffix != ".parquet":
        path = _embedded(path, on_progress, make_embedder or _default)
    build_index(path, verify=verify, on_progress=on_progress)
    return UsageIndex(default_index_path(path), verify=verify)


def _default() -> Embedder:
    from wordstates.embedder import WordEmbedder

    return WordEmbedder()


def _embedded(path: Path, on_progress: Callable[[int], object], make_embedder: Callable[[], Embedder]) -> Path:
    """Embed texts into a store beside them; what is there already is kept."""
    from wordstates.documents.readers import read_documents
    from wordstates.progress import Progress
    from wordstates.store.run import embed_to_store
    from wordstates.store.settings import StoreSettings

    store = path.with_name(f"{path.name.removesuffix('/').partition('.')[0]}-store")
    embed_to_store(make_embedder(), read_documents([str(path)]), store, StoreSettings(), progress=Progress(on_progress))
    return store
