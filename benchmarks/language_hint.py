"""For which languages are models told to be hardly made? `python -m benchmarks.language_hint DIR`, a minute.

DIR has a folder `tokenizers` and the Universal Declaration in `text/udhr2`, as for `benchmarks/alignment_table.py`.
Printed are the tokenizers with the languages that get the hint of `wordstates embed`.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.alignment_table import Loaded, load_tokenizers

from wordstates.model.tokenizer import Tokenizer
from wordstates.runs.fitting import hint_of
from wordstates.text.align import align
from wordstates.text.words import unicode_words

LANGUAGES = (
    "eng fra spa ita por nld swe dan pol ces hun ron hrv ind tur fin deu est lit cat eus vie swh ukr bul ell_monotonic "
    "afr lat isl gle cym heb arb hin ben tam"
)
LINES = 60


@dataclass(frozen=True)
class Cut:
    """Words and their subwords, as `hint_of` takes them."""

    status_codes: np.ndarray
    subword_ids: np.ndarray
    subword_starts: np.ndarray


def hint(loaded: Loaded, texts: list[str]) -> str:
    """Give the hint on a tokenizer for some texts."""
    tokenizer = Tokenizer(loaded.tokenizer, loaded.name)
    words, statuses, ids, counts = [], [], [], []
    for text, subwords in zip(texts, tokenizer.encode(texts), strict=True):
        spans = unicode_words(text)
        found = align(spans, subwords.spans, subwords.ids == tokenizer.unknown_id)
        words += [text[start:end] for start, end in spans.tolist()]
        statuses += found.statuses.tolist()
        ids += subwords.ids[found.subword_index].tolist()
        counts += np.bincount(found.word_index, minlength=len(spans)).tolist()
    cut = Cut(np.array(statuses, np.uint8), np.array(ids), np.cumsum([0, *counts]))
    return hint_of(cut, words, {index: loaded.tokenizer.convert_ids_to_tokens(index) for index in set(ids)})


def main() -> None:
    """Print which languages get the hint."""
    folder = Path(sys.argv[1])
    files = {name: folder / "text" / "udhr2" / f"{name}.txt" for name in LANGUAGES.split()}
    read = {name: path.read_text(encoding="utf-8").splitlines() for name, path in files.items() if path.is_file()}
    texts = {
        name: [unicodedata.normalize("NFC", line) for line in lines if line.strip()][:LINES]
        for name, lines in read.items()
    }
    for loaded in load_tokenizers(folder):
        told = [name for name in texts if hint(loaded, texts[name])]
        print(f"{loaded.name}: {len(told)} of {len(texts)}: {' '.join(told)}")


if __name__ == "__main__":
    main()
