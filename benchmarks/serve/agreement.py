"""What each server has to answer, by `transformers` one text at a time; nothing is timed before that holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from benchmarks.serve.load import ask_once
from benchmarks.serve.servers import OURS, Question
from transformers import AutoModel, AutoTokenizer

from wordstates import WordEmbedder, WordEmbeddings

OURS_MAY_DIFFER, PEERS_MAY_DIFFER = 1e-5, 1e-4
Vectors = list[np.ndarray]


class References:
    """The vectors of some texts.

    Args:
        model: Folder of the model.
        texts: The texts, each shorter than a window.
    """

    def __init__(self, model: str, texts: Sequence[str]) -> None:
        self.texts = [*texts]
        self.words: WordEmbeddings = WordEmbedder(model, device="cpu").encode(self.texts)
        tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
        with torch.no_grad():
            self._states = [
                network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy() for text in self.texts
            ]

    def of(self, question: Question) -> Vectors:
        """Give what a server has to answer: special tokens are left out by ours, and by no other."""
        if question.gives == "words":
            return [self.words.vectors]
        states = [each[1:-1] for each in self._states] if question.server == OURS else self._states
        return states if question.gives == "subwords" else [_unit(each.mean(axis=0)) for each in states]


def difference(port: int, question: Question, references: References) -> float:
    """Ask a server, and give the largest difference to what it has to answer.

    Raises:
        SystemExit: If it is more than rounding: the speed of other vectors means nothing.
    """
    status, _, body = ask_once(port, question.request(references.texts))
    if status != 200:
        raise SystemExit(f"{question.name}: answered {status}: {body[:300].decode(errors='replace')}")
    found, wanted = _READERS[question.gives, question.form](body), references.of(question)
    if [each.shape for each in found] != [each.shape for each in wanted]:
        raise SystemExit(f"{question.name}: other shapes than the reference")
    largest = max(float(np.abs(got - want).max()) for got, want in zip(found, wanted, strict=True))
    most = OURS_MAY_DIFFER if question.server == OURS else PEERS_MAY_DIFFER
    if not largest <= most * max(1.0, max(float(np.abs(want).max()) for want in wanted)):
        raise SystemExit(f"{question.name}: vectors differ by {largest:.2g}")
    return largest


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit


def _lists(body: bytes) -> Vectors:
    return [np.asarray(each, dtype=np.float32) for each in json.loads(body)]


def _texts(body: bytes) -> Vectors:
    found = json.loads(body)
    return _lists(body) if isinstance(found, list) else [np.asarray(each["embedding"]) for each in found["data"]]


def _vectors_of(body: bytes, read: Callable[[Any], np.ndarray]) -> Vectors:
    words = [word for text in json.loads(body)["texts"] for word in text["words"]]
    return [np.stack([read(next(iter(word["vectors"].values()))) for word in words])]


def _arrow(body: bytes) -> Vectors:
    table = pa.ipc.open_stream(body).read_all()
    column = table["vector"].combine_chunks()
    return [column.flatten().to_numpy().reshape(len(table), -1)]


_READERS: dict[tuple[str, str], Callable[[bytes], Vectors]] = {
    ("subwords", "JSON"): _lists,
    ("texts", "JSON"): _texts,
    ("words", "JSON"): lambda body: _vectors_of(body, np.asarray),
    ("words", "base64"): lambda body: _vectors_of(body, lambda text: np.frombuffer(base64.b64decode(text), "<f4")),
    ("words", "Arrow"): _arrow,
}
