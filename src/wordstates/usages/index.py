"""`UsageIndex`: usages that can be searched, mapped into memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from wordstates.errors import InputError, ItemError, without_foreign_errors
from wordstates.options import ApproximateKind
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe
from wordstates.usages.approximate import Approximate, ApproximateSearch, make_approximate, read_approximate
from wordstates.usages.build import default_index_path, read_post
from wordstates.usages.filters import Condition, parse_condition, rows_that_meet
from wordstates.usages.manifest import NAME, IndexManifest, differences
from wordstates.usages.mapped import MappedParts
from wordstates.usages.marked import read_marked
from wordstates.usages.search import best, scored
from wordstates.usages.usage import Hit, IndexedUsage
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.encode.protocols import Embedder

_Found = tuple[np.ndarray, np.ndarray]  # scores, highest first, and rows
_Find = Callable[[int], _Found]
_OWN = {"document", "position", "word", "start", "end", "status", "key", "subword", "target", "left", "right"}


@without_foreign_errors
class UsageIndex:
    """Usages of a store or a file, to be searched by their vectors.

    Args:
        path: Folder of the index; or the store or the file that was indexed.
        verify: Whether to compare each of its files with its checksum when something of it is first read.

    Raises:
        InputError: If there is no index, or it is broken.

    Warns:
        UserWarning: If its store has grown since.

    Examples:
        >>> import tempfile
        >>> from wordstates import Document, WordEmbedder, build_index, embed_corpus
        >>> folder, embedder = tempfile.mkdtemp(), WordEmbedder("minilm")
        >>> texts = ["The river bank was steep.", "The bank lends money.", "A bank account."]
        >>> documents = [Document(str(number), text) for number, text in enumerate(texts)]
        >>> report = embed_corpus(documents, folder, embedder)
        >>> manifest = build_index(folder)
        >>> index = UsageIndex(folder)
        >>> [hit.usage.document for hit in index.near("We sat on the [bank] of the stream.", embedder, k=1)]
        ['0']
    """

    def __init__(self, path: str | Path, *, verify: bool = True) -> None:
        given = Path(path)
        self.path = given if (given / NAME).is_file() else default_index_path(given)
        if not self.path.is_dir():
            if not given.exists():
                raise InputError(
                    f"{str(given)!r} does not exist: give a store, or a file of `find`, that has an index."
                )
            raise InputError(f"{str(given)!r} has no index: make one with `wordstates index {quote(str(given))}`.")
        self.manifest = IndexManifest.read(self.path)
        self._mapped = MappedParts(self.path, self.manifest, verify=verify)
        self._starts = self._mapped.starts
        if missing := self._shards_since():
            warnings.warn(
                f"{str(given)!r} has {counted(missing, 'shard')} that its index lacks: to search all of it, run "
                f"`wordstates index {quote(str(given))}` again.",
                stacklevel=3,
            )

    def _shards_since(self) -> int:
        """Count the shards that have been finished since the store was indexed."""
        indexed = {part.name for part in self.manifest.parts}
        return len({path.stem for path in (self.path / self.manifest.source / "records").glob("*.json")} - indexed)

    @property
    def rows(self) -> pa.Table:
        """One row per usage: all that is known of it but its vector and its text."""
        return self._mapped.rows

    def check_files(self) -> None:
        """Compare all files with their checksums now, where else each is compared when it is first read.

        Raises:
            InputError: If one is not what was written.
        """
        self._mapped.check()
        _ = self._post  # reading it compares it

    def __len__(self) -> int:
        """Count the usages."""
        return int(self._starts[-1])

    def __repr__(self) -> str:
        return (
            f"UsageIndex({str(self.path)!r}, {counted(len(self), 'usage')}, {counted(self.manifest.dim, 'dimension')})"
        )

    @property
    def metadata_columns(self) -> list[str]:
        """Names of what the input says of documents and words."""
        return [name for name in self.rows.column_names if name not in _OWN | {"text_number"}]

    @cached_property
    def _post(self) -> PostProcessing:
        if self.manifest.steps == ("unit",):
            dim = self.manifest.dim
            return PostProcessing(("unit",), dim, dim, 0, None, None, unit=True)
        return read_post(self.path, self.manifest)

    # -- usages ------------------------------------------------------------------------------------------------------

    def __getitem__(self, number: int) -> IndexedUsage:
        """Give one usage.

        Raises:
            ItemError: If there is none of this number.
        """
        if not -len(self) <= number < len(self):
            raise ItemError(f"Usage {number} does not exist: there are {len(self):,}.")
        return next(self.usages([number % len(self)]))

    def usages(self, numbers: Sequence[int] | np.ndarray) -> Iterator[IndexedUsage]:
        """Give some usages, in the order of their numbers as given."""
        asked = np.asarray(numbers, dtype=np.int64)
        taken = self.rows.take(pa.array(asked)).to_pylist()
        parts = (np.searchsorted(self._starts, asked, side="right") - 1).tolist()
        texts: dict[tuple[int, int], str | None] = {}  # each once: a text may be a whole book
        columns = self.metadata_columns
        for number, part, row in zip(asked.tolist(), parts, taken, strict=True):
            key = (part, row["text_number"])
            if key not in texts:
                texts[key] = self._mapped.text(*key)
            text, span = texts[key], (row["start"], row["end"])
            place = span
            if text is None:  # it stands beside the usage
                left, right = row["left"] or "", row["right"] or ""
                text, place = left + row["word"] + right, (len(left), len(left) + len(row["word"]))
            metadata = {name: row[name] for name in columns}
            yield IndexedUsage(number, row["word"], row["document"], span, row["status"], text, place, metadata)

    def vectors(self, numbers: Sequence[int] | np.ndarray) -> Float[np.ndarray, "usages dim"]:
        """Give the vectors of some usages as they are compared: post-processed, of unit length, float32."""
        asked = np.asarray(numbers, dtype=np.int64)
        parts = np.searchsorted(self._starts, asked, side="right") - 1
        found = np.empty((len(asked), self.manifest.dim), dtype=np.float32)
        touched = np.unique(parts).tolist()
        for part, block in zip(touched, self._mapped.blocks(touched), strict=True):
            here = parts == part
            found[here] = block[asked[here] - self._starts[part]]
        return found

    def where(
        self, conditions: Sequence[Condition | str] = (), *, word: str | None = None
    ) -> Bool[np.ndarray, " usages"] | None:
        """Say which usages meet some conditions.

        Args:
            conditions: ``COLUMN=VALUE`` and the like; see `parse_condition`.
            word: The word, whatever its case.

        Returns:
            A mask; None: all of them.
        """
        parsed = [each if isinstance(each, Condition) else parse_condition(each) for each in conditions]
        if word is not None:
            parsed.append(Condition("word", "=", (word,)))
        return rows_that_meet(self.rows, parsed)

    def numbers(
        self, conditions: Sequence[Condition | str] = (), *, word: str | None = None
    ) -> Int[np.ndarray, " found"]:
        """Give the numbers of the usages that meet some conditions.

        Args:
            conditions: As `where` takes them.
            word: Only usages of this word.
        """
        mask = self.where(conditions, word=word)
        return np.arange(len(self)) if mask is None else np.flatnonzero(mask)

    # -- search ------------------------------------------------------------------------------------------------------

    def near(
        self,
        query: str | int | Float[np.ndarray, " dim"],
        embedder: Embedder | None = None,
        *,
        k: int = 10,
        conditions: Sequence[Condition | str] = (),
        word: str | None = None,
        once_per_text: bool = False,
        approximate: bool = False,
    ) -> list[Hit]:
        """Find the usages that are most like one.

        Args:
            query: A sentence with a marked word, ``"the [bank] of the river"``; the number of a usage, which is then
                not among the hits; or a vector as the recipe gives it, before the index's post-processing.
            embedder: Reads a sentence; default the one that made the index, which is loaded for it.
            k: How many.
            conditions: Which usages may be found; see `where`.
            word: Only usages of this word.
            once_per_text: Give the best usage of each text only.
            approximate: Look at some usages only, those likely to be near; see `add_approximate`. Where conditions or
                a word choose usages, all of them are compared nevertheless.

        Returns:
            The nearest usages, best first. Every usage was compared, and the result is exact, unless `approximate`.

        Raises:
            InputError: If the query marks no word, or the embedder gives other vectors than those of the index.
            NoVectorError: If the marked word has no vector.
        """
        if k < 1:
            raise InputError(f"k={k} is no number of hits: give at least 1.")
        vector, itself = self._query(query, embedder)
        wanted = self.where(conditions, word=word)
        find = self._likely(vector) if approximate and wanted is None else self._exact(vector, wanted)
        asked = k + (itself is not None)
        while True:
            scores, rows = find(asked)
            hits = dict(zip(rows.tolist(), scores.tolist(), strict=True))
            hits.pop(itself, None)
            chosen = self._once([*hits]) if once_per_text else [*hits]
            if len(chosen) >= k or len(rows) < asked:
                break
            asked *= 4
        return [Hit(hits[usage.number], usage) for usage in self.usages(chosen[:k])]

    def _exact(self, query: Float[np.ndarray, " dim"], wanted: Bool[np.ndarray, " usages"] | None) -> _Find:
        scores, rows = scored(self._mapped.blocks(), query, wanted)

        def find(asked: int) -> _Found:
            places = best(scores, min(asked, len(scores)))
            return scores[places], rows[places]

        return find

    def _likely(self, query: Float[np.ndarray, " dim"]) -> _Find:
        def find(asked: int) -> _Found:
            rows = np.sort(self._approximate.rows(query, asked))
            scores = self.vectors(rows) @ query
            places = best(scores, len(scores))
            return scores[places], rows[places]

        return find

    def add_approximate(self, kind: ApproximateKind = "ivf-flat") -> Approximate:
        """Make what approximate search needs, and measure how much it misses.

        Args:
            kind: ``ivf-flat`` parts the usages; ``ivf-hnsw-sq`` makes a graph of them, which finds more in less time,
                and takes some fifteen times as long to make.

        Returns:
            What was measured.

        Raises:
            InputError: If there are too few usages for it to serve, or there is no such kind.
            MissingExtraError: If LanceDB is not installed.
            OutputError: If it cannot be written.
        """
        self.__dict__.pop("_approximate", None)
        return make_approximate(self.path, self._mapped.blocks(), self._parts, kind)

    @property
    def approximate(self) -> Approximate:
        """What is known of approximate search.

        Raises:
            InputError: If there is none, or the index has grown since.
        """
        return read_approximate(self.path, self._parts)

    @cached_property
    def _approximate(self) -> ApproximateSearch:
        return ApproximateSearch(self.path, self.approximate)

    @property
    def _parts(self) -> tuple[tuple[str, str], ...]:
        return tuple((part.name, part.fingerprint) for part in self.manifest.parts)

    def _query(
        self, query: str | int | Float[np.ndarray, " dim"], embedder: Embedder | None
    ) -> tuple[Float[np.ndarray, " dim"], int | None]:
        if isinstance(query, (int, np.integer)):
            if not -len(self) <= query < len(self):
                raise InputError(f"Usage {query} does not exist: the index has {len(self):,}, numbered from 0.")
            return self.vectors([int(query) % len(self)])[0], int(query) % len(self)
        if isinstance(query, str):
            text, span = read_marked(query)
            reader = embedder or self.embedder()
            self.check(reader)
            vector = reader.encode(text, spans=[span]).vector
        else:
            vector = np.asarray(query, dtype=np.float32)
            if vector.ndim != 1 or not np.isfinite(vector).all():
                raise InputError(f"A query is one vector of finite numbers, got shape {vector.shape}.")
            if len(vector) != self._post.dim_in:
                raise InputError(
                    f"A query of {counted(len(vector), 'number')} cannot be compared: the vectors that the index was "
                    f"made of have {self._post.dim_in:,}. Give one of the same recipe."
                )
        compared = self._post.apply(vector[None])[0]
        if not compared.any():
            raise InputError("A query of zeros has no direction: nothing is nearer to it than anything else.")
        return compared, None

    def _once(self, numbers: list[int]) -> list[int]:
        """Keep the first usage of each text."""
        parts = np.searchsorted(self._starts, numbers, side="right") - 1
        texts = self.rows.column("text_number").take(pa.array(numbers, pa.int64())).to_pylist()
        first: dict[tuple[int, int], int] = {}
        for number, key in zip(numbers, zip(parts.tolist(), texts, strict=True), strict=True):
            first.setdefault(key, number)
        return list(first.values())

    # -- the model ---------------------------------------------------------------------------------------------------

    def embedder(self, **options: Any) -> WordEmbedder:
        """Load the model that made the vectors, with the recipe and the windows of the index.

        Args:
            options: More arguments of `WordEmbedder`, as ``device``; ``model`` where the model has moved.

        Raises:
            InputError: If the vectors were post-processed when they were made: give a fitting embedder then.
        """
        from wordstates.embedder import WordEmbedder

        made, recipe = self.manifest.provenance, self.manifest.recipe
        if made.get("post_processing", {}).get(recipe["name"]) and "post_processing" not in options:
            raise InputError(
                f"The vectors of {str(self.path)!r} were post-processed when they were made, by what this index does "
                "not hold: give the file with post_processing=..."
            )
        defaults = {
            "model": made["model"],
            "revision": made.get("revision"),
            "config": made.get("config"),
            "window": made["window"],
            "overlap": made["overlap"],
            "long_texts": made["long_texts"],
            "special_tokens": made.get("special_tokens_in_texts", "auto"),
            "repeat": made["context"] == "left, read twice",
            "recipes": [self.recipe()],
        }
        return WordEmbedder(**{**defaults, **options})

    def recipe(self) -> Recipe:
        """Give the recipe of the vectors, with its absolute layers."""
        made = self.manifest.recipe
        return Recipe(made["layer_numbers"], made["layer_pooling"], made["subword_pooling"], name=made["name"])

    def check(self, embedder: Embedder, recipe: str | None = None) -> None:
        """See that an embedder gives vectors like those of the index.

        Args:
            embedder: The embedder.
            recipe: Which of its recipes, by name; default its only one.

        Raises:
            InputError: If not; it names each difference.
        """
        if recipe is None and len(embedder.recipes) != 1:
            raise InputError(f"An index is searched with one recipe, and the embedder has {len(embedder.recipes)}.")
        differ = differences(self.manifest.provenance, embedder.provenance, self.manifest.recipe, recipe)
        if differ:
            raise InputError(f"{str(self.path)!r} holds other vectors than this embedder gives: {'; '.join(differ)}.")
