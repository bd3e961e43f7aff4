"""`WordPooling`: hidden states to word vectors inside a network, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from wordstates.errors import InputError, RecipeError
from wordstates.model.tensor_pooling import in_float32, pool
from wordstates.recipe import Recipe
from wordstates.wording import counted

WordIds = Int[Tensor, "texts subwords"] | Sequence[Sequence[int | None]]
SubwordsOfWords = Sequence[Sequence[Sequence[int]]]


class PooledWords(NamedTuple):
    """Words of a batch.

    Args:
        vectors: (texts, words, dim), (texts, words, layers * dim) for concat, (texts, words, layers, dim) for a layer
            axis that is kept; zeros, which leave gradients alone, where `mask` is False.
        mask: True where a text has such a word, and the word a subword, shape (texts, words).
    """

    vectors: Tensor
    mask: Tensor


class WordPooling(nn.Module):
    """Pools the hidden states of a network to word vectors, by a recipe; gradients flow to the network.

    It has no weights of its own unless `mix` is asked for, and it is the pooling that `WordEmbedder` uses: the same
    states give the same vectors.

    Args:
        recipe: Layers, layer pooling, subword pooling; default the mean of the last layer's subwords.
        n_blocks: Blocks of the network, ``model.config.num_hidden_layers``: it gives hidden states 0 to `n_blocks`.
        mix: Learn how much each layer counts: their weights, by softmax, and a scale; it begins as the mean of the
            layers. For a recipe whose `layer_pooling` is ``mean``.

    Raises:
        RecipeError: If the recipe keeps one row per subword, has a layer that does not exist, or cannot be mixed.

    Source:
        Peters et al. 2018, "Deep contextualized word representations", equation 1 (the mix).

    Examples:
        >>> pooling = WordPooling(Recipe("-2:"), n_blocks=2)
        >>> states = [torch.full((1, 3, 4), float(layer)) for layer in range(3)]
        >>> words = pooling(states, torch.tensor([[0, 0, 1]]))
        >>> words.vectors.shape, words.vectors[0, :, 0].tolist(), words.mask.tolist()
        (torch.Size([1, 2, 4]), [1.5, 1.5], [[True, True]])
    """

    def __init__(self, recipe: Recipe | None = None, *, n_blocks: int, mix: bool = False) -> None:
        super().__init__()
        self.recipe = Recipe() if recipe is None else recipe
        self.n_blocks = n_blocks
        self.layers = self.recipe.resolve(n_blocks)
        if self.recipe.subword_pooling == "none":
            raise RecipeError("WordPooling gives one vector per word: choose a subword_pooling other than 'none'.")
        if mix and self.recipe.layer_pooling != "mean":
            raise RecipeError(
                f"A learned mix is a weighted mean of layers, and layer_pooling is {self.recipe.layer_pooling!r}: "
                "choose 'mean', or leave mix out."
            )
        self.mix_weights = nn.Parameter(torch.zeros(len(self.layers))) if mix else None
        self.mix_scale = nn.Parameter(torch.ones(())) if mix else None

    def forward(
        self,
        hidden_states: Sequence[Float[Tensor, "texts subwords dim"]],
        word_ids: WordIds | None = None,
        *,
        subwords: SubwordsOfWords | None = None,
    ) -> PooledWords:
        """Pool a batch.

        Args:
            hidden_states: What the network gives with ``output_hidden_states=True``: a tensor for each layer from 0.
            word_ids: Word of each subword of each text: -1 or None for none, as ``encoding.word_ids(i)`` has it.
            subwords: Instead of word_ids, the subwords of each word of each text, by their place in the row: for words
                that overlap.

        Raises:
            InputError: If there are not as many layers as the network has, or the two do not fit each other.
        """
        if len(hidden_states) != self.n_blocks + 1:
            raise InputError(
                f"{counted(len(hidden_states), 'hidden state')} for {counted(self.n_blocks, 'block')}, which give "
                f"{self.n_blocks + 1}: hand over all that output_hidden_states=True gives, and set n_blocks to the "
                "network's number of blocks."
            )
        first = hidden_states[self.layers[0]]
        texts, width = first.shape[:2]
        if (word_ids is None) == (subwords is None):
            raise InputError("Give word_ids or subwords=..., the one or the other.")
        if word_ids is not None:
            rows, words, columns = _pairs_of_ids(word_ids, first)
            most = int(words.max()) + 1 if len(words) else 0
        else:
            rows, words, columns = _pairs_of_subwords(subwords or (), first)
            most = max(map(len, subwords or ()), default=0)
        mask = torch.zeros(texts, most, dtype=torch.bool, device=first.device)
        dtype = in_float32(first[:0]).dtype
        if not len(words):
            shape = self.recipe.vector_shape(self.n_blocks, first.shape[-1])
            return PooledWords(torch.zeros(texts, 0, *shape, dtype=dtype, device=first.device), mask)
        key = rows * most + words
        order = torch.argsort(key, stable=True)
        key = key[order]
        begins = torch.ones_like(key, dtype=torch.bool)
        begins[1:] = key[1:] != key[:-1]
        starts = torch.nonzero(begins).flatten()
        pooled = self._pooled(hidden_states, (rows * width + columns)[order], starts)
        vectors = torch.zeros(texts * most, *pooled.shape[1:], dtype=dtype, device=first.device)
        vectors = vectors.index_copy(0, key[starts], pooled)
        mask.view(-1)[key[starts]] = True
        return PooledWords(vectors.unflatten(0, (texts, most)), mask)

    def _pooled(
        self, hidden_states: Sequence[Tensor], positions: Int[Tensor, " pairs"], starts: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows ..."]:
        recipe = self.recipe
        if self.mix_weights is None or self.mix_scale is None:
            hidden = {layer: hidden_states[layer] for layer in self.layers}
            return pool(hidden, self.layers, recipe.layer_pooling, recipe.subword_pooling, positions, starts)
        weights = torch.softmax(self.mix_weights, dim=0)
        layers = [in_float32(hidden_states[layer]) for layer in self.layers]
        mixed = self.mix_scale * sum(weight * layer for weight, layer in zip(weights, layers, strict=True))
        return pool({0: mixed}, [0], "mean", recipe.subword_pooling, positions, starts)

    def extra_repr(self) -> str:
        """Say the recipe, for the network's own display."""
        return f"{self.recipe.name!r}, layers {', '.join(map(str, self.layers))}" + (
            ", learned mix" if self.mix_weights is not None else ""
        )


Pairs = tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Int[Tensor, " pairs"]]  # text, word, subword of each


def _pairs_of_ids(word_ids: WordIds, states: Float[Tensor, "texts subwords dim"]) -> Pairs:
    texts, width = states.shape[:2]
    if not isinstance(word_ids, Tensor):
        listed = [[-1 if word is None else word for word in row] for row in word_ids]
        if len(listed) != texts or any(len(row) != width for row in listed):
            raise InputError(
                f"word_ids of {counted(len(listed), 'text')}, of lengths {sorted({len(row) for row in listed})}, do "
                f"not fit states of {counted(texts, 'text')} with {width}: pad both alike."
            )
        word_ids = torch.tensor(listed, dtype=torch.long).reshape(texts, width)
    if tuple(word_ids.shape) != (texts, width):
        raise InputError(
            f"word_ids of shape {tuple(word_ids.shape)} do not fit states of {counted(texts, 'text')} with "
            f"{counted(width, 'subword')}."
        )
    ids = word_ids.to(states.device).long()
    rows, columns = torch.nonzero(ids >= 0, as_tuple=True)
    return rows, ids[rows, columns], columns


def _pairs_of_subwords(subwords: SubwordsOfWords, states: Float[Tensor, "texts subwords dim"]) -> Pairs:
    texts, width = states.shape[:2]
    if len(subwords) != texts:
        raise InputError(f"Subwords of {counted(len(subwords), 'text')} do not fit states of {counted(texts, 'text')}.")
    pairs = [
        (text, word, column)
        for text, words in enumerate(subwords)
        for word, columns in enumerate(words)
        for column in columns
    ]
    outside = [pair for pair in pairs if not 0 <= pair[2] < width]
    if outside:
        text, word, column = outside[0]
        raise InputError(
            f"Word {word} of text {text} has subword {column}, and the states have {counted(width, 'subword')}."
        )
    table = torch.tensor(pairs, dtype=torch.long, device=states.device).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
