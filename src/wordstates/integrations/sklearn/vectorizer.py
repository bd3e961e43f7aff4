"""For scikit-learn: texts, or words in texts, to features; any recipe from one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wordstates.errors import InputError, MissingExtraError, ModelError, without_foreign_errors
from wordstates.integrations.sklearn.sample_vectors import WORD_POOLINGS, SampleVectors, Vectors
from wordstates.integrations.sklearn.samples import read_samples
from wordstates.integrations.sklearn.shared import EMBEDDERS, VECTORS
from wordstates.options import MODEL, EmbedderOptions, check_choice
from wordstates.recipe import Recipe

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingExtraError.of("evaluate", "wordstates.integrations.sklearn") from error

__all__ = ["WordVectorizer", "clear_caches"]


@dataclass(kw_only=True, eq=False, repr=False)
class WordVectorizer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    EmbedderOptions,
    BaseEstimator,  # type: ignore[misc]
):
    """Turns texts, or words in texts, into rows of features.

    A row of X is a text, whose words are pooled to one vector, or a text and a target: a word or phrase in it (matched
    as `WordEmbedder.find` does; several usages are pooled), or its char span. So X is a list of texts, a list of
    ``(text, word)``, ``(text, (start, end))``, or a data frame with these as columns.

    The model is loaded when it is needed, and shared by all clones in a process; it is not pickled. Texts are read
    once, for all layers, so a grid over recipes costs one pass.

    Surprisals and `left_subwords`, the context that a word had, are numbers beside vectors and no features of a recipe:
    `WordEmbedder` gives them.

    Args:
        model: Hub name, local folder, or ``"minilm"``.
        layers: Layers by the one numbering rule: 0 = embedding output, 1..L = blocks, -1 = last.
        layer_pooling: ``mean``, ``sum`` or ``concat``.
        subword_pooling: ``mean``, ``first``, ``last``, ``max`` or ``sum``.
        recipe: A `Recipe` instead of the three above.
        pooling: ``mean`` or ``max`` of the words of a text, or of the usages of a target. Words without a vector are
            left out.
        missing: What to do with a row that has no word with a vector: ``error``, or ``nan`` for a row of NaN.
        cache_bytes: What this process keeps of what it read, by falling use; 0 keeps nothing and reads no layer beyond
            the wanted, for a finished pipeline at work.
        splitter: As in `WordEmbedder`, and so are the arguments that follow.
        punctuation: Keep punctuation as words.
        device: Where to compute.
        precision: In what precision.
        engine: The engine that runs the model.
        window: Subwords one pass reads.
        overlap: Subwords that windows share.
        long_texts: ``window``, ``truncate`` or ``error``.
        bos: Beginning-of-sequence token of causal models.
        special_tokens: How special tokens are read where a text writes them: ``auto``, ``token`` or ``text``.
        repeat: Read each text twice, for causal models.
        batch_subwords: Most subwords in a batch, padding included.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run code that comes with the model.
        unsafe_weights: Also load pickled weights.
        config: Keys of the model's config in place of its own.

    Attributes:
        layers_: Absolute numbers of the layers.
        weights_: Fingerprint of the model and its tokenizer that it was fitted with; others are refused later.

    Examples:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> pipeline = make_pipeline(WordVectorizer("minilm", layers="-2:"), LogisticRegression())
        >>> pipeline = pipeline.fit(["The river is deep.", "She lends him money."], ["nature", "money"])
        >>> pipeline.predict(["A stream in the woods."]).tolist()
        ['nature']
    """

    model: str | Path = field(default=MODEL, kw_only=False)
    recipe: Recipe | None = None
    pooling: str = "mean"
    missing: str = "error"
    cache_bytes: int = 2**31

    @without_foreign_errors
    def fit(self, X: Any, y: Any = None) -> WordVectorizer:  # noqa: N803 (scikit-learn's name)
        """Check X and the parameters, and load the model; nothing is learned.

        Args:
            X: Texts, or texts with targets.
            y: Not looked at.

        Raises:
            InputError: If X or a parameter cannot be used.
            RecipeError: If the layers or poolings do not exist, or give several vectors a word.
            ModelError: If the model is not available.
        """
        read_samples(X)
        vectors = self._vectors()
        self.layers_ = vectors.layers
        self.weights_ = vectors.weights
        self._n_features_out = vectors.size
        return self

    def transform(self, X: Any) -> Vectors:  # noqa: N803 (scikit-learn's name)
        """Give the features.

        Args:
            X: Texts, or texts with targets.

        Returns:
            float32, a row a sample.

        Raises:
            InputError: If X cannot be used, or a row has no word with a vector and `missing` is ``error``.
            ModelError: If the model is not the one that it was fitted with.
        """
        check_is_fitted(self)  # what scikit-learn raises of its own is what its users look for
        return self._features(X)

    @without_foreign_errors
    def _features(self, X: Any) -> Vectors:  # noqa: N803
        samples = read_samples(X)
        vectors = self._vectors()
        if vectors.weights != self.weights_:
            raise ModelError(
                f"Model {str(self.model)!r} is not the one that this vectorizer was fitted with (weights and tokenizer "
                f"{vectors.weights}, then {self.weights_}): fit again, or give that model."
            )
        return vectors.of(samples, missing=self.missing)

    def _vectors(self) -> SampleVectors:
        self._check_parameters()
        own = {"layers", "layer_pooling", "subword_pooling", "recipe", "pooling", "missing", "cache_bytes"}
        options = {name: value for name, value in self.get_params(deep=False).items() if name not in own}
        return SampleVectors(options, self._recipe(), self.pooling, self.cache_bytes)

    def _recipe(self) -> Recipe:
        parts = (self.layers, self.layer_pooling, self.subword_pooling)
        if self.recipe is None:
            return Recipe(*parts)
        if not isinstance(self.recipe, Recipe):
            raise InputError(f"recipe={self.recipe!r} is no Recipe: write recipe=Recipe('-4:', 'concat').")
        if parts != self.default_recipe():
            raise InputError("Give either recipe or layers, layer_pooling and subword_pooling, not both.")
        return self.recipe

    def _check_parameters(self) -> None:
        check_choice("pooling", self.pooling, WORD_POOLINGS)
        check_choice("missing", self.missing, ("error", "nan"))
        given: object = self.cache_bytes
        if not isinstance(given, (int, np.integer)) or isinstance(given, bool) or given < 0:
            raise InputError(f"cache_bytes={self.cache_bytes!r} is no number of bytes: give 0 or more.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def clear_caches() -> None:
    """Let go of the models and vectors that the vectorizers of this process share."""
    EMBEDDERS.clear()
    VECTORS.clear()
