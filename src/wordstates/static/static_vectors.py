"""`StaticVectors`: one vector per word type, and how contextual each word is."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from wordstates.errors import InputError, NoVectorError, without_foreign_errors
from wordstates.static.means import UsageMeans
from wordstates.static.type_vectors import TypeVectors
from wordstates.wording import counted

if TYPE_CHECKING:
    import pyarrow

    from wordstates.result.found_usages import Usages
    from wordstates.result.word_embeddings import WordEmbeddings


@without_foreign_errors
@dataclass(frozen=True, eq=False, repr=False)
class StaticVectors(TypeVectors):
    """One vector per type; a type is a word, or a word in one group (a decade, a sense, an author).

    Types stand by falling number of occurrences, as files of word vectors have them. A type that has no vector of some
    kind has a row of NaN there.

    Its fields are those of `TypeVectors`.

    Source:
        Bommasani et al. 2020, "Interpreting pretrained contextualized representations via reductions to static
        embeddings" (aggregated usages, decontextualized words).

    Examples:
        >>> from wordstates import WordEmbedder
        >>> emb = WordEmbedder("minilm").encode(["The bank of a river.", "The bank lends."])
        >>> static = StaticVectors.from_embeddings(emb, lowercase=True)
        >>> static.words[:3], static["bank"].shape, len(static)
        (['the', 'bank', '.'], (384,), 7)
    """

    # -- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def from_embeddings(cls, embeddings: WordEmbeddings, *, lowercase: bool = False) -> StaticVectors:
        """Give the mean vector of every spelling among some words.

        Args:
            embeddings: Words with their vectors.
            lowercase: Take *The* and *the* for one type.

        Raises:
            InputError: If the vectors are those of subwords, or keep a layer axis.
        """
        return cls._of(embeddings, [type_name(word, lowercase=lowercase) for word in embeddings.words])

    @classmethod
    def from_usages(cls, usages: Usages) -> StaticVectors:
        """Give the mean vector of every target, whatever the spelling of its usages.

        Raises:
            InputError: If the vectors are those of subwords, or keep a layer axis.
        """
        return cls._of(usages.embeddings, [usages.targets[index] for index in usages.target_index])

    @classmethod
    def _of(cls, embeddings: WordEmbeddings, words: Sequence[str]) -> StaticVectors:
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        types = np.array([numbers[word] for word in words], dtype=np.int64)
        means = UsageMeans(embeddings.recipe_names)
        means.add(types, flat_vectors(embeddings, embeddings.recipe_names), embeddings.has_vector)
        means.settle(len(numbers))
        occurrences = np.bincount(types, minlength=len(numbers))
        return cls.from_means(means, list(numbers), occurrences, provenance=embeddings.provenance)

    @classmethod
    def from_means(
        cls,
        means: UsageMeans,
        words: Sequence[str],
        occurrences: Int[np.ndarray, " types"],
        *,
        groups: Sequence[str | None] | None = None,
        by: str = "",
        min_count: int = 1,
        names: Mapping[str, str] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> StaticVectors:
        """Give the means of the types that occur often enough and have a usage.

        Args:
            means: The sums; type i is row i.
            words: Word of each type.
            occurrences: How often each was met.
            groups: Group of each type.
            by: What the groups are.
            min_count: Types met less often are left out.
            names: Recipe of each set of vectors, by the name it gets; default every recipe by its own.
            provenance: Where the vectors come from.
        """
        kept = ordered(occurrences, (occurrences >= min_count) & (means.usages[: len(words)] > 0))
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        of_word = [numbers[word] for word in words]
        named = names if names is not None else {recipe: recipe for recipe in means.recipes}
        return cls(
            words=[words[index] for index in kept.tolist()],
            occurrences=occurrences[kept],
            usages=means.usages[kept],
            vectors={name: means.means(recipe, kept) for name, recipe in named.items()},
            self_similarity={name: means.self_similarity(recipe, kept) for name, recipe in named.items()},
            anisotropy={name: means.anisotropy(recipe, of_word) for name, recipe in named.items()},
            groups=None if groups is None else [groups[index] for index in kept.tolist()],
            by=by,
            provenance=provenance or {},
        )

    # -- reading -----------------------------------------------------------------------------------------------------

    def __contains__(self, word: object) -> bool:
        """Tell whether a word has a type."""
        return isinstance(word, str) and word in self._rows

    @cached_property
    def _rows(self) -> dict[str, int]:
        """The first row of each word."""
        return {word: row for row, word in reversed([*enumerate(self.words)])}

    def __getitem__(self, word: str) -> Float[np.ndarray, " dim"]:
        """Give the vector of a word, where there is one vector per word.

        Raises:
            NoVectorError: If it has none, or several: in groups, or by name.
        """
        if len(self.vectors) != 1 or self.groups is not None:
            grouped = f", by {self.by}" if self.groups is not None else ""
            raise NoVectorError(
                f"{word!r} may have several vectors here ({', '.join(self.vectors)}{grouped}): take "
                f".vectors[{next(iter(self.vectors))!r}], whose rows are .words."
            )
        if word not in self:
            raise NoVectorError(f"No type here is {word!r}: words are matched exactly; there are {len(self):,}.")
        (vectors,) = self.vectors.values()
        vector: np.ndarray = vectors[self._rows[word]]
        return vector

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {vectors.shape[1]}" for name, vectors in self.vectors.items())
        shown = ", ".join(self.words[:8]) + (", ..." if len(self) > 8 else "")
        return f"StaticVectors: {counted(len(self), 'type')}, {shapes}\n  {shown}"

    # -- to files and other libraries --------------------------------------------------------------------------------

    def to_arrow(self) -> pyarrow.Table:
        """Give one row per type: word, group, counts, how contextual it is, vectors; provenance in the metadata."""
        from wordstates.static.files import types_table

        return types_table(self).replace_schema_metadata({"wordstates": json.dumps(self.provenance, default=str)})

    def save(self, path: str | Path, *, overwrite: bool = False) -> int:
        """Write a file, by its ending: word2vec ``.txt`` and ``.bin``, ``.parquet``, ``.safetensors``.

        Beside a word2vec file stand ``PATH.vocab``, a word and its count a line, and ``PATH.provenance.json``.

        Args:
            path: The file.
            overwrite: Whether to replace one that is there.

        Returns:
            Its bytes on disk.

        Raises:
            OutputError: If the ending is unknown, the file is there, or it cannot hold these vectors.
        """
        from wordstates.static.files import StaticFile

        return StaticFile(path, overwrite=overwrite).write(self)

    @classmethod
    def load(cls, path: str | Path) -> StaticVectors:
        """Read what `save` wrote as .parquet or .safetensors.

        Args:
            path: The file.

        Raises:
            InputError: If it is another kind of file, or broken.
        """
        from wordstates.static.load import read_static

        return cls(**read_static(path))


def flat_vectors(embeddings: WordEmbeddings, recipes: Sequence[str]) -> dict[str, Float[np.ndarray, "words dim"]]:
    """Give the vectors of recipes, a flat row a word.

    Raises:
        InputError: If rows are subwords, or a vector has a layer axis.
    """
    for name in recipes:
        column = embeddings.columns[name]
        if column.row_words is not None or column.values.ndim != 2:
            raise InputError(
                f"Recipe {name!r} gives several vectors a word, and a static vector is one: pool subwords and layers "
                "(mean, or concat for layers)."
            )
    return {name: embeddings.column(name) for name in recipes}


def type_name(word: str, *, lowercase: bool) -> str:
    """Give the type of a word: its accents are composed, so that one spelling is one type, and case on request."""
    if word.isascii():
        return word.lower() if lowercase else word
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).lower() if lowercase else word)


def ordered(occurrences: Int[np.ndarray, " types"], wanted: np.ndarray) -> Int[np.ndarray, " kept"]:
    """Give the wanted types by falling number of occurrences, then by their first place."""
    kept = np.flatnonzero(wanted)
    order: np.ndarray = kept[np.argsort(-occurrences[kept], kind="stable")]
    return order
