"""spacy-transformers: its pipeline component, in its own batches; the wordpieces of a token by its own alignment.

Sentences are read whole. The long texts of the mix are read in the component's default windows, 128 tokens every 96.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import spacy
import spacy_transformers  # noqa: F401  # registers the component
from benchmarks.speed.contestants.pooling import versions_of
from benchmarks.speed.entries import LAST
from spacy.tokens import Doc

_WHOLE = {"@span_getters": "spacy-transformers.doc_spans.v1"}
_STRIDED = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}


def versions() -> dict[str, str]:
    return versions_of("spacy", "spacy-transformers", "transformers", "tokenizers", "torch", "numpy")


class BySpacy:
    def __init__(self, model: str, recipe: str, texts: str) -> None:
        nlp: Any = spacy.blank("en")
        config = {
            "model": {
                "@architectures": "spacy-transformers.TransformerModel.v3",
                "name": model,
                "get_spans": _STRIDED if texts == "mix" else _WHOLE,
                "tokenizer_config": {"use_fast": True},
                "transformer_config": {} if recipe == LAST else {"output_hidden_states": True},
            }
        }
        self._component = nlp.add_pipe("transformer", config=config)
        self._component.model.initialize()
        self._recipe = recipe

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        docs = [Doc(self._component.vocab, words=list(words)) for words in texts]
        return np.concatenate([self._of(doc) for doc in self._component.pipe(docs)])

    def _of(self, doc: Any) -> Any:
        data = doc._.trf_data
        if self._recipe == LAST:
            states = data.model_output.last_hidden_state
        else:
            states = np.mean(data.model_output.hidden_states[-4:], axis=0)
        flat = states.reshape(-1, states.shape[-1])
        lengths = data.align.lengths
        sums = np.add.reduceat(flat[data.align.dataXd.ravel()], np.append(0, np.cumsum(lengths)[:-1]), axis=0)
        doc._.trf_data = None  # so that a pass over many texts does not keep all their states
        return sums / lengths[:, None].astype(np.float32)


def load(model: str, recipe: str, texts: str, device: str) -> BySpacy:
    if device != "cpu":
        raise ValueError("spacy-transformers computes on a GPU with CuPy only, which is not installed")
    return BySpacy(model, recipe, texts)
