"""Which layer tells the uses of a word apart? Every layer from one pass, each held against the same answer.

A usage counts as a noun if an article or a possessive stands right before it: *the well*, but *it is well*.
"""

import re
from pathlib import Path

import numpy as np

from wordstates import Recipe, WordEmbedder

WORDS = ["well", "left", "bow", "rest", "present", "kind"]
TEXT = Path(__file__).with_name("data").joinpath("genesis-web.txt").read_text(encoding="utf-8")
SENTENCES = re.split(r'(?<=[.?!"])\s+', TEXT)

recipes = [Recipe(layer, name=f"layer {layer}") for layer in range(7)]
recipes += [Recipe("-4:", name="mean of the last 4"), Recipe("-4:", "concat", name="concat of the last 4")]
usages = WordEmbedder("minilm", recipes=recipes).find(SENTENCES, WORDS)

words = np.array([usage.word.lower() for usage in usages])
is_noun = np.array([bool(re.search(r"\b(the|a|an|my|your|his|her) $", usage.left, re.IGNORECASE)) for usage in usages])
comparable = (words[:, None] == words) & ~np.eye(len(words), dtype=bool)

print(f"{len(usages)} usages of {len(WORDS)} words, {len(recipes)} recipes from one pass")
print("the nearest usage of the same word is used in the same way:")
for name in usages.embeddings.recipe_names:
    vectors = usages.embeddings.column(name)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = np.where(comparable, vectors @ vectors.T, -np.inf).argmax(axis=1)
    print(f"  {name:<21} {vectors.shape[1]:>5} numbers   {(is_noun == is_noun[nearest]).mean():>4.0%}")
