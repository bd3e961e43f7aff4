"""What the overlap of windows changes: vectors of words near the edge of a window, beside the same in its middle.

    python benchmarks/overlap.py [--model NAME] [--words 150]        some minutes; writes results/overlap.json

Words of a book are drawn with a seed. Each is read in the middle of a window, then so that it has just so many subwords
of context on one side, left or right, and the rest of the window on the other. Printed is, for each layer, how far its
vector moves: the length of the difference in percent of the length of the vector, its median and 95th percentile over
words and sides. Windows that overlap by V subwords leave a word about V / 2 on its poorer side, or more. The mean over
the words is taken off first: all of them stand at the same position of their window, and models with an embedding of
positions add the same to each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from wordstates import Recipe, WordEmbedder

HERE = Path(__file__).resolve().parent
TEXT = HERE.parent / "examples" / "data" / "genesis-web.txt"
RESULTS = HERE / "results" / "overlap.json"
CONTEXTS = (4, 8, 16, 32, 64, 96, 128, 192)


def measure(model: str, words: int, text: str) -> dict[str, Any]:
    """Give the median and the 95th percentile of the change, by context, then by layer from 0 on."""
    embedder = WordEmbedder(model)
    recipes = [Recipe(str(layer)) for layer in range(embedder.n_blocks + 1)]
    embedder = WordEmbedder(model, recipes=recipes)
    tokenizer = embedder.tokenizer
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = np.array(encoded["offset_mapping"])
    room = embedder.window - tokenizer.num_special_tokens_to_add()
    starts = [index for index, (start, _) in enumerate(offsets.tolist()) if start == 0 or text[start - 1].isspace()]
    inside = [index for index in starts if room < index < len(offsets) - room and text[offsets[index, 0]].isalpha()]
    drawn = np.random.default_rng(0).choice(inside, words, replace=False)
    after = np.array([next(start for start in starts if start > at) for at in drawn])  # where the next word begins

    def vectors(first: Any) -> Any:
        """Read each word in the window that begins at a subword, or at the next word; (words, layers, dim)."""
        texts, spans = [], []
        for at, end_of_word, begin in zip(drawn, after, first, strict=True):
            begin = next(start for start in starts if start >= begin)
            end = max(start for start in starts if start <= begin + room) - 1
            shift = offsets[begin, 0]
            texts.append(text[shift : offsets[end, 1]])
            spans.append([(int(offsets[at, 0] - shift), int(offsets[end_of_word - 1, 1] - shift))])
        emb = embedder.encode(texts, spans=spans)
        assert emb.reading["windows"] == len(texts), "a text did not fit one window"
        found = np.stack([emb.column(recipe.name) for recipe in recipes], axis=1)
        return found - found.mean(axis=0)

    middle = vectors(drawn - room // 2)
    length = np.linalg.norm(middle, axis=-1)
    found = {}
    for context in CONTEXTS:
        moved = [
            np.linalg.norm(vectors(first) - middle, axis=-1) / length
            for first in (drawn - context, after + context - room)
        ]
        both = np.concatenate(moved)
        found[str(context)] = {
            "median": np.median(both, axis=0).round(5).tolist(),
            "95%": np.quantile(both, 0.95, axis=0).round(5).tolist(),
        }
    return {"model": model, "window": embedder.window, "words": words, "moved": found}


def show(result: dict[str, Any]) -> str:
    """Give the table in Markdown: contexts down, layers across, percent."""
    layers = range(len(result["moved"][str(CONTEXTS[0])]["median"]))
    lines = ["| context | " + " | ".join(f"layer {layer}" for layer in layers) + " |", "|--:|" + "--:|" * len(layers)]
    for context, moved in result["moved"].items():
        cells = [f"{median:.1%} ({most:.1%})" for median, most in zip(moved["median"], moved["95%"], strict=True)]
        lines.append(f"| {context} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Measure what the overlap of windows changes.")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--words", type=int, default=150, help="how many words (default 150)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    result = measure(arguments.model, arguments.words, TEXT.read_text(encoding="utf-8"))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(show(result), end="")


if __name__ == "__main__":
    main()
