"""A sweep, and the geometry of a model, by one call each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wordstates.documents.given import Corpus, open_corpus
from wordstates.embedder import WordEmbedder
from wordstates.errors import InputError, without_foreign_errors
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.geometry.run import Measured, check_recipes, layer_recipe, measure_geometry
from wordstates.evaluate.sweep import run
from wordstates.evaluate.sweep.models import maker_of, model_names
from wordstates.evaluate.sweep.result import SweepReport
from wordstates.evaluate.sweep.run import SweepOptions
from wordstates.evaluate.sweep.scores import check_extra
from wordstates.options import MODEL, Split
from wordstates.recipe import Recipe


@without_foreign_errors
def sweep(
    data: str | Path | Mapping[Split, str | Path],
    models: str | Sequence[str] = MODEL,
    *,
    task: str | None = None,
    label: str = DataOptions.label,
    limit: int | None = None,
    subword_poolings: Sequence[str] = SweepOptions.poolings,
    post_processings: Sequence[str] | None = None,
    grid: str = SweepOptions.grid,
    metric: str | None = None,
    folds: int = SweepOptions.n_folds,
    seed: int = 0,
    **options: Any,
) -> SweepReport:
    """Score every recipe of some models on labelled data, and choose one.

    Args:
        data: A file or folder, which is divided; or ``{"train": ..., "dev": ..., "test": ...}``.
        models: Names of models; ``random`` is one with random weights.
        task: ``labels``, ``pairs``, ``senses`` or ``change``; default what the data looks like.
        label: Which label, of CoNLL-U.
        limit: Take a sample of about so many items of each split.
        subword_poolings: Ways to pool subwords.
        post_processings: What is done to vectors afterwards; None: what suits the task.
        grid: ``small`` or ``full``: how many runs of layers.
        metric: The score that counts; None: what suits the data.
        folds: Parts that data without splits is divided into.
        seed: Of everything that is drawn.
        options: Options of `WordEmbedder`, as ``device``.

    Returns:
        All scores; `recipe` is the one to take, `fitted` its post-processing, `choice` what it scores on data that it
        was not chosen on.

    Raises:
        InputError: If the data cannot be read or scored.
        ModelError: If a model cannot be used.
        MissingExtraError: If scikit-learn is not installed.
    """
    check_extra(plots=False)
    paths: dict[Split | None, str | Path] = dict(data.items()) if isinstance(data, Mapping) else {None: data}
    wrong = [split for split in paths if split not in (None, "train", "dev", "test")]
    if wrong or (None not in paths and ("test" not in paths or len(paths) == 1)):
        raise InputError(
            f"The splits are {', '.join(map(str, paths))}: give a file that is divided, or a dict of 'test' and "
            "of 'train', 'dev' or both."
        )
    found = read_task(paths, DataOptions(task=task, label=label, limit=limit, seed=seed))
    names = model_names([models] if isinstance(models, str) else models)
    return run.run_sweep(
        found,
        {name: maker_of(name, seed=seed, **options) for name in names},
        SweepOptions(
            poolings=subword_poolings,  # type: ignore[arg-type]  # Recipe says which there are
            post_processings=post_processings,
            grid=grid,
            metric=metric,
            n_folds=folds,
            seed=seed,
        ),
    )


@without_foreign_errors
def geometry(
    inputs: Corpus,
    model: Any = MODEL,
    *,
    layers: str = "0:",
    recipes: Sequence[Recipe] = (),
    sample: int = 1000,
    seed: int = 0,
    on_progress: Callable[[int], object] = lambda _: None,
    **options: Any,
) -> Measured:
    """Measure how vectors lie in each layer of a model, in one reading of a corpus.

    Args:
        inputs: A file, a folder, several of them, or documents as `read_documents` gives them.
        model: Its name, or the model.
        layers: The layers to measure.
        recipes: Recipes to measure beside them.
        sample: Types that pairs of words are made of.
        seed: Decides which types.
        on_progress: Called after each batch with the number of vectors it gave.
        options: Options of `WordEmbedder`, as ``device`` or ``tokenizer``.

    Returns:
        The figures of each layer and recipe: `layers`, `recipes`.

    Raises:
        RecipeError: If a layer does not exist, or a recipe gives several vectors a word.
        InputError: If the corpus cannot be read, or there are no two words of different texts.
        ModelError: If the model cannot be used.

    Examples:
        >>> from wordstates import Document
        >>> texts = ["A river bank.", "The bank lends.", "A river runs."]
        >>> measured = geometry([Document(str(number), text) for number, text in enumerate(texts)])
        >>> [layer.name for layer in measured.layers], measured.words
        (['0', '1', '2', '3', '4', '5', '6'], 12)
    """
    check_recipes(recipes)
    documents, _ = open_corpus(inputs, {"ids_must_differ": False} if _are_paths(inputs) else {})
    pooling = recipes[0].subword_pooling if recipes else "mean"
    embedder = WordEmbedder(model, recipes=[layer_recipe(layers, pooling), *recipes], **options)
    return measure_geometry(embedder, documents, sample=sample, seed=seed, on_progress=on_progress)


def _are_paths(inputs: Corpus) -> bool:
    return isinstance(inputs, (str, Path)) or (
        isinstance(inputs, Sequence) and all(isinstance(each, (str, Path)) for each in inputs)
    )
