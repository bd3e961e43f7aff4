"""Surprisal: how unexpected a word is after what stands before it, in bits, from the pass that gives the vectors.

The surprisal of a subword is ``-log2 p(subword | all before it in its window)``, that of a word the sum over its
subwords. A space belongs to the word that follows it: byte-level pieces hold it (``Ġbank``), and a piece of white space
alone (``▁``, a second space, a line end) is counted with the next word. The first subword of a window without a
beginning-of-sequence token has nothing before it, so its word has no surprisal.

Source:
    Hale 2001, "A probabilistic Earley parser as a psycholinguistic model".
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from wordstates.errors import InputError, ModelError, NonFiniteError
from wordstates.model.torch_engine import alone_with, copy_of

_LOGITS_AT_ONCE = 1 << 24
_AGREEMENT = {torch.float32: 1e-4, torch.float64: 1e-4}


class OutputHead:
    """The part of a causal model that says how probable each next subword is.

    It is the model's own forward pass around given hidden states, so whatever a family does to its logits is done.

    Args:
        whole: The model with its head.
        name: Its name, for errors.

    Raises:
        InputError: If it has no head.
        ModelError: If its head cannot be run alone.
    """

    def __init__(self, whole: Any, name: str) -> None:
        table = whole.get_output_embeddings() if hasattr(whole, "get_output_embeddings") else None
        base = getattr(whole, "base_model_prefix", "")
        if table is None or not isinstance(getattr(whole, base, None), nn.Module):
            raise InputError(
                f"Model {name!r} comes without its output head, which surprisal needs: give the model as "
                "AutoModelForCausalLM loads it, or its name or folder."
            )
        self._name = name
        self._given = _Given()
        self._twin: Any = copy_of(whole, share_weights=True).eval()
        setattr(self._twin, base, self._given)
        self.device, self._dtype = table.weight.device, table.weight.dtype

    def check(self, whole: Any, row: Sequence[int], last: Float[Tensor, "subwords dim"]) -> None:
        """See that this gives the logits of the whole model.

        Raises:
            ModelError: If not.
        """
        ids = torch.tensor([list(row)], device=self.device)
        try:
            with torch.inference_mode(), alone_with(whole):
                expected, found = whole(input_ids=ids, use_cache=False).logits[0].float(), self._logits(last).float()
            allowed = _AGREEMENT.get(self._dtype, 0.05) * max(1.0, float(expected.abs().max()))
            agrees = float((expected - found).abs().max()) <= allowed
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            agrees = False
        if not agrees:
            raise ModelError(f"Surprisal is not available for {self._name!r}: its output head cannot be run alone.")

    def bits(self, last: Float[Tensor, "places dim"], ids: Int[np.ndarray, " places"]) -> Float[np.ndarray, " places"]:
        """Give the surprisal of subwords.

        Args:
            last: The last hidden state of what stands before each.
            ids: The subwords.

        Raises:
            NonFiniteError: If the model gives NaN or infinity.
        """
        found = np.empty(len(ids), dtype=np.float64)
        step = max(_LOGITS_AT_ONCE // self._twin.config.get_text_config().vocab_size, 1)
        with torch.inference_mode():
            for start in range(0, len(ids), step):
                part = slice(start, start + step)
                logits = self._logits(last[part]).float()
                wanted = torch.from_numpy(ids[part]).to(logits.device)
                nats = logits.logsumexp(-1) - logits.gather(1, wanted[:, None])[:, 0]
                found[part] = nats.double().cpu().numpy() / math.log(2)
        if not np.isfinite(found).all():
            raise NonFiniteError(
                f"Model {self._name!r} gives NaN or infinity for the probability of a subword: its weights are "
                "damaged, or overflow its precision. Try precision='float32'."
            )
        return found

    def _logits(self, last: Float[Tensor, "places dim"]) -> Float[Tensor, "places vocabulary"]:
        self._given.states.last = last.to(self.device, self._dtype)[None]
        ids = torch.zeros((1, len(last)), dtype=torch.long, device=self.device)
        logits: Tensor = self._twin(input_ids=ids, use_cache=False, return_dict=True).logits
        return logits[0]


class _Given(nn.Module):
    """Stands for the network, and gives the hidden states that the calling thread put here."""

    def __init__(self) -> None:
        super().__init__()
        self.states = threading.local()

    @property
    def decoder(self) -> _Given:
        """What some families call instead."""
        return self

    def forward(self, *_: Any, **__: Any) -> _Output:
        return _Output(self.states.last)


class _Output:
    """What a network returns, as far as a head looks at it."""

    def __init__(self, last: Tensor) -> None:
        self.last_hidden_state = last

    def __getitem__(self, index: int) -> Tensor:
        return (self.last_hidden_state,)[index]

    def __getattr__(self, name: str) -> None:
        return None


def word_surprisals(
    head: OutputHead,
    last: Float[Tensor, "all_subwords dim"] | Float[np.ndarray, "all_subwords dim"],
    windows: Sequence[Int[np.ndarray, " _subwords"]],
    begins: Sequence[int],
    before: int,
    places: Sequence[Int[np.ndarray, " _pairs"]],
    starts: Int[np.ndarray, " rows"],
    blanks: Sequence[Bool[np.ndarray, " _subwords"]],
) -> Float[np.ndarray, " rows"]:
    """Give the surprisal of words, NaN where nothing stands before the first subword.

    Args:
        head: Of the model.
        last: The last hidden state of all subwords of a batch.
        windows: Subword ids of each window, special tokens left out.
        begins: Where the subwords of each window begin in `last`, special tokens left out.
        before: Special tokens before each window, which the first subword is read after.
        places: The subwords of the words of each window, by their place in it.
        starts: Where each word begins among all of `places`.
        blanks: Which subwords of each window are white space alone.
    """
    word = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, sum(map(len, places)))))
    number, offset = [], 0
    place, of_word = [], []
    for window, (here, blank) in enumerate(zip(places, blanks, strict=True)):
        words = word[offset : offset + len(here)]
        offset += len(here)
        firsts = np.flatnonzero(np.diff(words, prepend=-1))
        before_words = [
            (position, int(words[first]))
            for first in (firsts.tolist() if blank.any() else ())
            for position in _blanks_before(blank, int(here[first]))
        ]
        place.append(np.concatenate([here, np.array([each for each, _ in before_words], dtype=np.int64)]))
        of_word.append(np.concatenate([words, np.array([each for _, each in before_words], dtype=np.int64)]))
        number.append(np.full(len(place[-1]), window))
    places_, words_, windows_ = np.concatenate(place), np.concatenate(of_word), np.concatenate(number)
    known = places_ + before > 0
    ids_ = np.array([windows[window][position] for window, position in zip(windows_, places_, strict=True)])
    left = np.asarray(begins)[windows_] + places_ - 1
    bits = np.full(len(places_), np.nan)
    if isinstance(last, np.ndarray):
        preceding = torch.from_numpy(last[left[known]])
    else:
        preceding = last[torch.from_numpy(left[known]).to(last.device)]
    bits[known] = head.bits(preceding, ids_[known].astype(np.int64))
    return np.bincount(words_, bits, minlength=len(starts)).astype(np.float32)


def _blanks_before(blank: Bool[np.ndarray, " subwords"], place: int) -> range:
    first = place
    while first > 0 and blank[first - 1]:
        first -= 1
    return range(first, place)
