"""`wordstates subwords`: how a text splits into words and subwords, aligned."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from wordstates.cli.command import CHOSEN
from wordstates.cli.options import (
    Json,
    Model,
    NoPunctuation,
    Revision,
    Server,
    SpecialTokensOption,
    SplitterOption,
    TrustRemoteCode,
    print_json,
)
from wordstates.cli.remote import refuse_with_server, remote_maker
from wordstates.wording import counted, in_columns


def subwords(
    text: Annotated[str, typer.Argument(help="The text; - is standard input.")],
    model: Model = "minilm",
    server: Server = None,
    splitter: SplitterOption = "unicode",
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
    from wordstates.documents.decode import read_text
    from wordstates.documents.sources import STDIN, Source
    from wordstates.encode.inputs import as_texts
    from wordstates.recipe import Recipe

    if text == STDIN:
        text = "".join(read_text(Source(STDIN, None, "txt"), "utf-8"))
    [given] = as_texts(text)
    splitting = {"splitter": splitter, "punctuation": not no_punctuation}
    if server is None:
        loading = {"revision": revision, "trust_remote_code": trust_remote_code, "special_tokens": special_tokens}
        found = _subwords(given, model, loading, splitting)
    else:
        refuse_with_server(("revision", "trust_remote_code", "special_tokens"))
        remote = remote_maker(server, [Recipe()], model=model if "model" in CHOSEN else None, **splitting)()
        found, model = remote.subwords(given), remote.model
    if json:
        print_json({"model": model, "aligned_by": found["aligned_by"], "words": found["words"]})
        return
    table = [("word", "span", "status", "subwords")]
    table += [
        (repr(row["word"])[1:-1], f"{row['start']}-{row['end']}", row["status"], " ".join(row["subwords"]))
        for row in found["words"]
    ]
    print(in_columns(table))
    outside = found["in_no_word"]
    apart = f" ({len(outside)} in no word: {' '.join(outside)})" if outside else ""
    print(
        f"{counted(len(found['words']), 'word')}, {counted(found['subwords'], 'subword')}{apart}, aligned by "
        f"{found['aligned_by']}; special tokens around them: {' '.join(found['special_tokens']) or 'none'}",
        file=sys.stderr,
    )


def _subwords(text: str, model: str, loading: dict[str, Any], splitting: dict[str, Any]) -> dict[str, Any]:
    """Split a text by a tokenizer that is loaded here."""
    from wordstates.model.load import load_tokenizer
    from wordstates.text.align import STATUSES, align
    from wordstates.text.words import word_splitter

    tokenizer = load_tokenizer(model, **loading)
    found = tokenizer.encode([text])[0]
    spans = word_splitter(**splitting).keeping(tokenizer.read_whole()).split([text])[0]
    alignment = align(spans, found.spans, found.ids == tokenizer.unknown_id)
    return {
        "aligned_by": found.aligned_by,
        "subwords": len(found.ids),
        "in_no_word": tokenizer.pieces(found.ids[alignment.outside(len(found.ids))].tolist()),
        "special_tokens": tokenizer.pieces(tokenizer.template.wrap([])),
        "words": [
            {
                "word": text[start:end],
                "start": start,
                "end": end,
                "status": STATUSES[alignment.statuses[index]],
                "subwords": tokenizer.pieces(
                    found.ids[alignment.subword_index[alignment.word_index == index]].tolist()
                ),
            }
            for index, (start, end) in enumerate(spans.tolist())
        ],
    }
