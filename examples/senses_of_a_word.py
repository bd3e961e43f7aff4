"""The senses of a word: every usage of it in a text, put into two groups by its vector alone.

python examples/senses_of_a_word.py [WORD [FILE]]      try: well (the default), left, bow; FILE: Genesis by default
"""

import re
import sys
from pathlib import Path

import numpy as np

from wordstates import WordEmbedder

GENESIS = Path(__file__).with_name("data") / "genesis-web.txt"
if len(sys.argv) > 3:
    sys.exit(__doc__)
WORD = sys.argv[1] if len(sys.argv) > 1 else "well"
TEXT = Path(sys.argv[2] if len(sys.argv) > 2 else GENESIS).read_text(encoding="utf-8")
SENTENCES = re.split(r'(?<=[.?!"])\s+', TEXT)

usages = WordEmbedder("minilm", layers="-4:").find(SENTENCES, [WORD])
vectors = usages.vectors / np.linalg.norm(usages.vectors, axis=1, keepdims=True)

# Two groups by k-means on the cosine, begun at the two usages that are least alike.
likeness = vectors @ vectors.T
centres = vectors[list(np.unravel_index(likeness.argmin(), likeness.shape))]
for _ in range(20):
    groups = (vectors @ centres.T).argmax(axis=1)
    centres = np.stack([vectors[groups == sense].mean(axis=0) for sense in (0, 1)])

print(f"{len(usages)} usages of {WORD!r} in {len(SENTENCES)} sentences")
for sense in (0, 1):
    members = np.flatnonzero(groups == sense)
    print(f"\nsense {sense + 1}: {len(members)} usages, the most typical first")
    for index in members[np.argsort(-(vectors @ centres[sense])[members])][:5].tolist():
        usage = usages[index]
        left, right = " ".join(usage.left.split())[-38:], " ".join(usage.right[:60].split())[:38]
        print(f"{left:>38} [{usage.word}] {right}")
