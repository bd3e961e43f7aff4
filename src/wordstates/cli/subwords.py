"""`wordstates subwords`: how a text splits into words and subwords, aligned."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wordstates.cli.options import (
    Json,
    Model,
    NoPunctuation,
    Revision,
    SpecialTokensOption,
    TrustRemoteCode,
    Words,
    print_json,
)
from wordstates.wording import counted, in_columns


def subwords(
    text: Annotated[str, typer.Argument(help="The text; - is standard input.")],
    model: Model = "minilm",
    words: Words = "unicode",
    no_punctuation: NoPunctuation = False,
    special_tokens: SpecialTokensOption = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Show how a text splits into words and subwords.

    Each word has its char span, its status and its subwords. No weights are loaded.

    Example:
        $ wordstates subwords "The bank wouldn't lend her the money." -m bert-base-cased
    """
    import numpy as np

    from wordstates.documents.decode import read_text
    from wordstates.documents.sources import STDIN, Source
    from wordstates.encode.inputs import as_texts
    from wordstates.model.tokenizer import load_tokenizer
    from wordstates.text.align import STATUSES, align
    from wordstates.text.words import word_splitter

    if text == STDIN:
        text = "".join(read_text(Source(STDIN, None, "txt"), "utf-8"))
    [given] = as_texts(text)
    tokenizer = load_tokenizer(
        model, revision=revision, trust_remote_code=trust_remote_code, special_tokens=special_tokens
    )
    found = tokenizer.encode([given])[0]
    splitter = word_splitter(words, punctuation=not no_punctuation).keeping(tokenizer.read_whole())
    spans = splitter.split([given])[0]
    alignment = align(spans, found.spans, found.ids == tokenizer.unknown_id)
    rows = [
        {
            "word": given[start:end],
            "start": start,
            "end": end,
            "status": STATUSES[alignment.statuses[index]],
            "subwords": tokenizer.pieces(found.ids[alignment.subword_index[alignment.word_index == index]].tolist()),
        }
        for index, (start, end) in enumerate(spans.tolist())
    ]
    if json:
        print_json({"model": model, "aligned_by": found.aligned_by, "words": rows})
        return
    table = [("word", "span", "status", "subwords")]
    table += [
        (repr(row["word"])[1:-1], f"{row['start']}-{row['end']}", row["status"], " ".join(row["subwords"]))
        for row in rows
    ]
    print(in_columns(table))
    outside = np.setdiff1d(np.arange(len(found.ids)), alignment.subword_index)
    apart = (
        f" ({len(outside)} in no word: {' '.join(tokenizer.pieces(found.ids[outside].tolist()))})"
        if len(outside)
        else ""
    )
    print(
        f"{counted(len(rows), 'word')}, {counted(len(found.ids), 'subword')}{apart}, aligned by {found.aligned_by}; "
        f"special tokens around them: {' '.join(tokenizer.pieces(tokenizer.template.wrap([]))) or 'none'}",
        file=sys.stderr,
    )
