"""What looking for words costs, before any model runs: microseconds a word of text.

    python benchmarks/find_search.py --data DIR [--runs 5]

The texts are the sentences of the treebanks in `DIR/ud`, one text a sentence. Looked for are one word that is nowhere,
ten that are rare, and lists of 1,000 and 10,000 words: half of them the most frequent ones, the others made up. What is
found costs more than what is not, so the share of words found is shown; found words go on to a model, to which this is
nothing. `str in` is Python's own search for one string, which knows neither case nor words. Before anything is timed,
a list must find what its targets find one by one. Medians over the runs.

Writes benchmarks/results/find_search.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wordstates.documents.readers import read_documents
from wordstates.text.targets import TargetFinder

RESULTS = Path(__file__).parent / "results" / "find_search.json"
NOWHERE = "zyxwvutsr"
CHECKED = 200  # texts in which a list is held against its targets one by one


def read_texts(folder: Path) -> tuple[list[str], int, list[str]]:
    """Give the sentences of a treebank, the number of its words, and its words by falling frequency."""
    texts, counts = [], Counter[str]()
    for path in sorted(folder.glob("*.conllu")):
        for document in read_documents([path]):
            texts.append(document.text)
            counts.update(document.text[start:end] for start, end in document.spans or ())
    return texts, sum(counts.values()), [word for word, _ in counts.most_common()]


def targets_of(words: list[str]) -> dict[str, list[str]]:
    """Give what is looked for; those that occur stand between others that do not."""

    def mixed(count: int) -> list[str]:
        held = words[: count // 2]
        return list(dict.fromkeys([*held, *(f"{NOWHERE}{number}" for number in range(count - len(held)))]))

    return {"1, nowhere": [NOWHERE], "10, rare": words[-10:], "1,000": mixed(1000), "10,000": mixed(10_000)}


def seconds_of(search: Callable[[str], object], texts: list[str], runs: int) -> float:
    """Give the median time of searching all texts."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        for text in texts:
            search(text)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def check(targets: list[str], texts: list[str]) -> None:
    """Hold a list against its targets one by one."""
    together = [TargetFinder(targets).find(text) for text in texts]
    alone = [TargetFinder([target]) for target in targets]
    for text, found in zip(texts, together, strict=True):
        apart = [(start, end, index) for index, one in enumerate(alone) for start, end, _ in one.find(text)]
        if sorted(apart) != found:
            raise SystemExit(f"a list finds other words than its targets do one by one, in {text[:60]!r}")


def measure(folder: Path, runs: int) -> list[dict[str, Any]]:
    texts, n_words, words = read_texts(folder)
    rows = []
    plain = seconds_of(lambda text: NOWHERE in text, texts, runs)
    for name, targets in targets_of(words).items():
        check(targets[:1000], texts[:CHECKED])
        finder = TargetFinder(targets)
        rows.append(
            {
                "treebank": folder.name,
                "texts": len(texts),
                "words": n_words,
                "targets": name,
                "found": round(sum(len(finder.find(text)) for text in texts) / n_words, 4),
                "us_per_word": round(seconds_of(finder.find, texts, runs) / n_words * 1e6, 4),
                "us_per_word_in": round(plain / n_words * 1e6, 4),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the search for words in texts.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds ud/ (default data)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    rows = [row for folder in sorted((arguments.data / "ud").iterdir()) for row in measure(folder, arguments.runs)]
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    print("microseconds a word, one core")
    print(f"{'treebank':<14} {'targets':<12} {'found':>7} {'find':>8} {'str in':>8}")
    for row in rows:
        print(
            f"{row['treebank'].removeprefix('UD_'):<14} {row['targets']:<12} {row['found']:7.1%} "
            f"{row['us_per_word']:8.3f} {row['us_per_word_in']:8.3f}"
        )


if __name__ == "__main__":
    main()
