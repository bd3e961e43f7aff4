"""Surprisal beside minicons: the same subwords of the same texts by the same model, in bits.

minicons is not among the tools of this project: install it beside wordstates (`pip install minicons`), then

    python benchmarks/surprisal_minicons.py MODEL [FILE]

with a causal model (a name or a folder) and a file with one text per line; by default a few sentences. Prints the
largest difference, of subwords and of words, with a beginning-of-sequence token and without.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from minicons import scorer
from transformers import AutoTokenizer

from wordstates import WordEmbedder

TEXTS = [
    "The old mill near the lake closed.",
    "Unbelievably, it wasn't 3.14 metres wide.",
    "She sat on the river bank.",
]
ALLOWED = 1e-4

model = sys.argv[1]
texts = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if len(sys.argv) > 2 else TEXTS
tokenizer = AutoTokenizer.from_pretrained(model)
theirs = scorer.IncrementalLMScorer(model, "cpu")
failed = False
for bos in (False, True):
    ours = WordEmbedder(model, surprisal=True, bos="always" if bos else "auto")
    scored = theirs.token_score(texts, surprisal=True, base_two=True, bos_token=bos)
    largest = largest_word = 0.0
    compared = 0
    for text, tokens in zip(texts, scored, strict=True):
        bits = [value for _, value in tokens]
        bits = bits[1:] if bos else [math.nan, *bits[1:]]  # without one, minicons says 0 for the first
        offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        spans = [(end - len(text[start:end].lstrip()), end) for start, end in offsets]
        subwords = ours.encode([text], spans=[spans])
        emb = ours.encode(text)
        words = [
            sum(bits[number] for number, (start, end) in enumerate(spans) if start < stop and end > begin)
            for begin, stop in emb.spans.tolist()
        ]
        if any(start == end for start, end in spans):
            continue  # white space alone, which is counted with the next word
        compared += 1
        largest = max(largest, float(np.nanmax(np.abs(subwords.surprisal - np.array(bits)))))
        largest_word = max(largest_word, float(np.nanmax(np.abs(emb.surprisal - np.array(words)))))
    failed |= not max(largest, largest_word) <= ALLOWED
    print(f"bos {bos}: {compared} of {len(texts)} texts; largest difference, in bits:")
    print(f"    {largest:.2g} of a subword, {largest_word:.2g} of a word")
sys.exit(failed)
