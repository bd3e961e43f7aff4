"""What `make demo` shows: word vectors of a sentence, of two whole books, and why context matters.

Everything runs on this machine with the model that the `[minilm]` extra carries; nothing is fetched.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wordstates import WordEmbedder

HERE = Path(__file__).parent
BOOKS = [HERE / "data" / "genesis-web.txt", HERE / "data" / "genesis-kjv.txt"]
OUTPUT = HERE / "out" / "genesis.parquet"
PAGE = HERE / "out" / "well.html"
SENTENCE = "The quick brown fox jumps over the lazy dog."
WORD = "well"


def main() -> None:
    """Run the four parts."""
    title("1. A sentence: its words, their subwords, and the words nearest to fox")
    show_sentence()
    title("2. Two books, every word of them, to a Parquet file")
    OUTPUT.parent.mkdir(exist_ok=True)
    embed_books()
    title(f"3. Why context matters: usages of {WORD!r} in that file, each with its nearest usage")
    show_usages()
    title(f"4. All usages of {WORD!r} in both books, as a page to look at")
    write_page()


def show_sentence() -> None:
    """Print the words of a sentence with their subwords, a vector, and its neighbours."""
    embedder = WordEmbedder("minilm", layers="-4:")
    emb = embedder.encode(SENTENCE)
    print(emb)
    for word, (start, end), pieces in zip(emb.words, emb.spans.tolist(), emb.subwords, strict=True):
        print(f"  {start:>2}-{end:<2}  {word:<6} {' '.join(pieces)}")
    fox = emb["fox"].vector
    print(f"\nfox: {fox.shape[0]} numbers, {np.array2string(fox[:6], precision=3)[:-1]} ...]")
    closeness = cosine(emb["fox"].vectors, emb.vectors)[0]
    nearest = [index for index in np.argsort(-closeness) if emb.words[index] != "fox"][:3]
    print("nearest in the sentence:", ", ".join(f"{emb.words[index]} {closeness[index]:.2f}" for index in nearest))


def embed_books() -> None:
    """Run the command that anybody would, on two books."""
    books = [shown(book) for book in BOOKS]
    command = [
        "embed",
        *books,
        "--text-unit",
        "file",
        "--model",
        "minilm",
        "--layers",
        "-4:",
        "--output",
        shown(OUTPUT),
    ]
    print("$ wordstates", *command, "--overwrite", flush=True)
    subprocess.run([sys.executable, "-m", "wordstates", *command, "--overwrite"], check=True)


def show_usages() -> None:
    """Look into the file: which usage of an ambiguous word is nearest to which."""
    book = BOOKS[0]
    text = book.read_text(encoding="utf-8")
    table = pq.read_table(OUTPUT, columns=["document", "word", "start", "end", "vector"])
    rows = table.filter(pc.and_(pc.ends_with(table["document"], book.name), pc.equal(table["word"], WORD)))
    vectors = np.stack(rows["vector"].to_numpy())
    closeness = cosine(vectors, vectors)
    np.fill_diagonal(closeness, -1)
    contexts = [
        f"{flat(text[:start])[-30:]:>30} [{WORD}] {flat(text[end : end + 40])[:24]:<24}"
        for start, end in zip(rows["start"].to_pylist(), rows["end"].to_pylist(), strict=True)
    ]
    for index in range(0, len(contexts), 3):
        nearest = int(closeness[index].argmax())
        print(f"{contexts[index]}\n{contexts[nearest]}  {closeness[index, nearest]:.2f}\n")
    print(
        f"{len(contexts)} usages; every third is shown, above the one nearest to it: wells of water mostly find wells"
    )
    print("of water, people who are well find people who are well. A static vector would be the same for all of them.")


def write_page() -> None:
    """Write the page that `wordstates explore` shows, as one file that needs no network."""
    for command in (
        ["index", shown(OUTPUT), "--overwrite"],
        ["explore", shown(OUTPUT), "--word", WORD, "--export", shown(PAGE), "--overwrite"],
    ):
        print("$ wordstates", *command, flush=True)
        subprocess.run([sys.executable, "-m", "wordstates", *command], check=True)
    print(f"\nOpen {shown(PAGE)} in a browser: a map of the usages, layer by layer, and their lines beside it.")
    print("`make explore` serves the live page, which also reads any sentence you type.")


def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Give the cosine of each row of one array with each row of the other."""
    product: np.ndarray = (left / np.linalg.norm(left, axis=1, keepdims=True)) @ (
        right / np.linalg.norm(right, axis=1, keepdims=True)
    ).T
    return product


def shown(path: Path) -> str:
    """Give a path as a person in this folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def flat(text: str) -> str:
    """Put a stretch of text on one line."""
    return " ".join(text[-400:].split()) if len(text) > 400 else " ".join(text.split())


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"\n{text}\n{'-' * len(text)}", flush=True)


if __name__ == "__main__":
    main()
