"""Word vectors as the features of a classifier: is this word a noun or a verb here?

It learns from words that are always one of the two, and is tried on words that can be both, so that context decides.
"""

import re
from pathlib import Path

import numpy as np

from wordstates import Recipe, WordEmbedder

NOUNS = ["house", "field", "river", "tent", "city", "mountain", "bread", "servant", "garden", "camels"]
VERBS = ["go", "see", "give", "eat", "take", "come", "speak", "make", "bring", "know"]
BOTH = ["water", "drink", "love", "fear", "bow", "sleep", "judge", "rest", "command"]
TEXT = Path(__file__).with_name("data").joinpath("genesis-web.txt").read_text(encoding="utf-8")
SENTENCES = re.split(r'(?<=[.?!"])\s+', TEXT)

recipes = [Recipe(0, name="without context (layer 0)"), Recipe(2, name="in context (layer 2)")]
embedder = WordEmbedder("minilm", recipes=recipes)
learnt = embedder.find(SENTENCES[::4], NOUNS + VERBS)
is_verb = np.array([usage.word.lower() in VERBS for usage in learnt])
tried = embedder.find(SENTENCES, BOTH)

# What is right for the words that can be both, where the word before says it.
before = [usage.left.split()[-1].lower() if usage.left.split() else "" for usage in tried]
noun = np.isin(before, ["the", "a", "an", "my", "his", "her", "your", "their", "of", "in"])
verb = np.isin(before, ["to", "will", "shall", "may", "let", "i", "you", "they", "we", "not"])

for recipe in recipes:
    vectors = learnt.embeddings.column(recipe.name)
    centroids = np.stack([vectors[~is_verb].mean(axis=0), vectors[is_verb].mean(axis=0)])
    distances = np.linalg.norm(tried.embeddings.column(recipe.name)[:, None] - centroids, axis=2)
    called_verb = distances.argmin(axis=1) == 1
    right = (called_verb == verb)[noun | verb]
    print(f"{right.mean():>4.0%} of {len(right)} usages right, {recipe.name}")
for index in [number for number, usage in enumerate(tried) if usage.word == "bow"]:
    left, right_side = (" ".join(side.split()) for side in (tried[index].left, tried[index].right))
    print(f"{'verb' if called_verb[index] else 'noun'} {left[-36:]:>36} [bow] {right_side[:30]}")
