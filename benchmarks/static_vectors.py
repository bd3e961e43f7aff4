"""Static vectors out of usages, beside decontextualised ones, on the similarity of words (Multi-SimLex, English).

    python benchmarks/static_vectors.py --data DIR [--model minilm] [--max-usages 100] [--limit N]

`DIR/multisimlex/multisimlex.english.tsv` has the pairs. The usages are those in `DIR/text/masc` (without its tags),
`DIR/text/genesis/english-*.txt`, `DIR/ud/UD_English-*` and `DIR/semcor`; a folder that is not there is left out. Of
each layer there are two vectors a word: the mean over its usages, and that of the word alone as a text. Spearman's
correlation of their cosines with the judgements is over the pairs whose words both have usages enough, the same pairs
for all vectors. Words are matched as they are spelled, in any case, so other forms of a word are not among its usages.

Writes benchmarks/results/static_vectors.json: figures only, nothing of the texts.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

from wordstates import Recipe, StaticVectors, WordEmbedder
from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.static.run import make_static
from wordstates.static.types import Types

RESULTS = Path(__file__).parent / "results" / "static_vectors.json"
MIN_USAGES = (1, 5, 20)

# ── the data ──


def read_pairs(path: Path) -> list[tuple[str, str, str, float]]:
    """Give part of speech, the two words and the judgement of each pair."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(pos, one, two, float(score)) for _, pos, one, two, score in rows]


def read_texts(data: Path) -> Iterator[tuple[str, Document]]:
    """Stream the English texts, each with the name of its collection."""
    for path in sorted((data / "text" / "masc").glob("*/**/*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            text = " ".join(token.rpartition("_")[0] for token in line.split() if "_" in token)
            if text:
                yield "masc", Document(f"{path.name}:{number}", text)
    for path in sorted((data / "text" / "genesis").glob("english-*.txt")):
        for document in read_documents([path], encoding="latin-1"):
            yield "genesis", document
    for path in sorted((data / "ud").glob("UD_English-*/*.conllu")):
        for document in read_documents([path]):
            yield "ud", document
    for path in sorted((data / "semcor").glob("*.tsv")):
        words: list[str] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("#"):
                if words:
                    yield "semcor", Document(f"{path.name}:{number}", " ".join(words))
                words = []
            elif line:
                words.append(line.split("\t")[0].replace("_", " "))
        if words:
            yield "semcor", Document(f"{path.name}:end", " ".join(words))


# ── the measure ──


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank values, equal ones by the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks: np.ndarray = np.cumsum(counts) - (counts - 1) / 2
    return mean_ranks[inverse]


def spearman(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.corrcoef(ranks(one), ranks(two))[0, 1])


def cosines(vectors: np.ndarray, first: list[int], second: list[int]) -> np.ndarray:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar: np.ndarray = (units[first] * units[second]).sum(axis=1)
    return similar


def judge(static: StaticVectors, pairs: list[tuple[str, str, str, float]]) -> list[dict[str, Any]]:
    """Give Spearman's correlation for each set of vectors, over the pairs whose words have usages enough."""
    place = {word: index for index, word in enumerate(static.words)}
    rows = []
    for least in MIN_USAGES:
        known = {word for word, index in place.items() if static.usages[index] >= least}
        for pos in ("all", *sorted({pos for pos, *_ in pairs})):
            chosen = [pair for pair in pairs if pos in (pair[0], "all")]
            held = [pair for pair in chosen if pair[1] in known and pair[2] in known]
            if len(held) < 20:
                continue
            first, second = [place[pair[1]] for pair in held], [place[pair[2]] for pair in held]
            gold = np.array([pair[3] for pair in held])
            for name, vectors in static.vectors.items():
                centred = vectors - np.nanmean(vectors, axis=0)
                rows.append(
                    {
                        "vectors": name,
                        "min_usages": least,
                        "pos": pos,
                        "pairs": len(held),
                        "of": len(chosen),
                        "spearman": round(spearman(cosines(vectors, first, second), gold), 4),
                        "spearman_centred": round(spearman(cosines(centred, first, second), gold), 4),
                    }
                )
    return rows


def show(result: dict[str, Any]) -> None:
    rows = {(row["vectors"], row["min_usages"], row["pos"]): row for row in result["spearman"]}
    for least in MIN_USAGES:
        found = [row for row in result["spearman"] if row["min_usages"] == least and row["pos"] == "all"]
        if not found:
            continue
        print(f"\npairs whose words have at least {least} usages: {found[0]['pairs']:,} of {found[0]['of']:,}")
        print(
            f"{'layer':<6} {'usages':>8} {'centred':>8} {'alone':>8} {'centred':>8} {'self-sim.':>10} {'two words':>10}"
        )
        for layer in result["layers"]:
            cells = []
            for kind in ("usages", "alone"):
                row = rows[(f"{kind}_{layer}", least, "all")]
                cells += [row["spearman"], row["spearman_centred"]]
            shape = [result["self_similarity"][f"usages_{layer}"], result["anisotropy"][f"usages_{layer}"]]
            print(
                f"{layer:<6} {' '.join(f'{cell:8.3f}' for cell in cells)} {' '.join(f'{cell:10.3f}' for cell in shape)}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge static vectors by Multi-SimLex, English.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data (default data)")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--max-usages", type=int, default=100, help="usages averaged of each word (default 100)")
    parser.add_argument("--limit", type=int, help="texts to read, for a quick look")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.data / "multisimlex" / "multisimlex.english.tsv")
    vocabulary = list(dict.fromkeys(word for _, *two, _ in pairs for word in two))
    blocks = WordEmbedder(arguments.model).n_blocks
    layers = [str(layer) for layer in range(blocks + 1)]
    embedder = WordEmbedder(arguments.model, recipes=[Recipe(int(layer), name=layer) for layer in layers])
    types = Types(
        vocabulary=vocabulary,
        lowercase=True,
        max_usages=arguments.max_usages,
    )
    sizes: dict[str, int] = {}

    def documents() -> Iterator[Document]:
        for collection, document in islice(read_texts(arguments.data), arguments.limit):
            sizes[collection] = sizes.get(collection, 0) + len(document.text.split())
            yield document

    began = time.perf_counter()
    static, report = make_static(embedder, documents(), types, kinds=["usages", "alone"])
    result = {
        "model": arguments.model,
        "weights": embedder.provenance["weights"],
        "versions": embedder.provenance["versions"],
        "max_usages": arguments.max_usages,
        "layers": layers,
        "running_words": sizes,
        "vocabulary": len(vocabulary),
        "vocabulary_met": len(static),
        "occurrences": report.occurrences,
        "usages": report.usages,
        "statuses": report.statuses,
        "seconds": round(time.perf_counter() - began, 1),
        "self_similarity": report.self_similarity,
        "anisotropy": report.anisotropy,
        "spearman": judge(static, pairs),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{sum(sizes.values()):,} running words, {report.usages:,} usages of {len(static):,} words")
    show(result)


if __name__ == "__main__":
    main()
