"""Align real text with real tokenizers, and check every word without the library's own checks.

    python benchmarks/alignment_table.py --data DIR [--limit N] [--json OUT] [--markdown OUT]

`DIR/ud` holds treebanks in CoNLL-U, `DIR/tokenizers` a folder for each tokenizer, and `DIR/text/udhr2`, if it is there,
the Universal Declaration of Human Rights in many languages. The words of a treebank are its own; the Declaration is
split at Unicode word boundaries. The alignment is the library's. What the subwords of each word write is put together
here, from the spelling of the vocabulary, and held against the word; a word that it contradicts is *misaligned*. The
first of each row are listed, and the exit status is 1. Only counts go into the files: nothing of the texts does.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import transformers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from wordstates.documents.readers import read_documents
from wordstates.model.tokenizer import Tokenizer
from wordstates.text.align import NO_SUBWORDS, OK, SHARED_SUBWORD, STATUSES, UNKNOWN, align
from wordstates.text.words import Spans, as_spans, unicode_words

UDHR = {  # scripts that the treebanks lack
    "amh": "Amharic",
    "ben": "Bengali",
    "bod": "Tibetan",
    "ell_polytonic": "Greek, polytonic",
    "heb": "Hebrew",
    "hin": "Hindi",
    "jpn": "Japanese",
    "khm": "Khmer",
    "kor": "Korean",
    "mya": "Burmese",
    "rus": "Russian",
    "tam": "Tamil",
    "tha": "Thai",
    "vie": "Vietnamese",
}
BATCH = 512
EXAMPLES = 5
SHOWN = (OK, SHARED_SUBWORD, UNKNOWN, NO_SUBWORDS)
BEGIN, END = "<!-- tables: written by benchmarks/alignment_table.py -->", "<!-- end of the tables -->"

# ── the texts ──


@dataclass(frozen=True)
class Corpus:
    """Texts with the spans of their words."""

    name: str
    kind: str  # "treebank" or "declaration"
    texts: list[tuple[str, Spans]]


def read_corpora(data: Path, limit: int | None) -> list[Corpus]:
    found = []
    for folder in sorted(path for path in (data / "ud").iterdir() if path.is_dir()):
        documents = read_documents(sorted(folder.glob("*.conllu")))
        texts = [(document.text, as_spans(document.spans or ())) for document in islice(documents, limit)]
        found.append(Corpus(folder.name.removeprefix("UD_"), "treebank", texts))
    for code, language in UDHR.items():
        file = data / "text" / "udhr2" / f"{code}.txt"
        if file.is_file():
            documents = read_documents([file])
            texts = [(document.text, unicode_words(document.text)) for document in islice(documents, limit)]
            found.append(Corpus(language, "declaration", texts))
    return found


# ── the tokenizers ──


@dataclass(frozen=True)
class Loaded:
    """A tokenizer, and how its vocabulary spells."""

    name: str
    kind: str
    tokenizer: Any


def load_tokenizers(data: Path) -> Iterator[Loaded]:
    for folder in sorted(path for path in (data / "tokenizers").iterdir() if path.is_dir()):
        yield Loaded(folder.name, *_load(folder))
    yield Loaded("byt5", "bytes", transformers.ByT5Tokenizer())
    yield Loaded("canine", "characters", transformers.CanineTokenizer())


def _load(folder: Path) -> tuple[str, Any]:
    """Load a tokenizer from what its folder has, and tell its kind from the files."""
    if (folder / "tokenizer.json").is_file():
        parts = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        model = parts["model"]
        if "unk_id" in model:
            kind = "unigram"
        elif "merges" not in model:
            kind = "WordPiece"
        else:
            kind = "byte-level BPE" if "ByteLevel" in json.dumps(parts["pre_tokenizer"]) else "SentencePiece BPE"
        return kind, transformers.AutoTokenizer.from_pretrained(folder)
    if (folder / "vocab.txt").is_file():
        # A vocabulary alone does not say its case; its name does. Some copies have their special tokens in lower case.
        options: dict[str, Any] = {"do_lower_case": "uncased" in folder.name}
        vocabulary = set((folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))
        for special in ("unk", "cls", "sep", "pad", "mask"):
            upper = f"[{special.upper()}]"
            options[f"{special}_token"] = upper if upper in vocabulary else f"[{special}]"
        return "WordPiece", transformers.BertTokenizer.from_pretrained(folder, **options)
    if (folder / "merges.txt").is_file():
        return "byte-level BPE", transformers.GPT2Tokenizer.from_pretrained(folder)
    if (folder / "spiece.model").is_file():
        return "unigram", transformers.XLNetTokenizer.from_pretrained(folder)
    if (folder / "tokenizer.model").is_file():
        return "SentencePiece BPE", transformers.LlamaTokenizer.from_pretrained(folder)
    raise SystemExit(f"{folder}: no tokenizer.json, vocab.txt, merges.txt, spiece.model or tokenizer.model in it.")


# ── the independent check ──


def fold(text: str) -> str:
    """Make spellings equal that only differ in compatibility forms, case, white space and invisible characters.

    Marks stay: half of the letters of Hindi and Thai are marks. What a tokenizer takes off, its own normalizer shows.
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in plain if not (char.isspace() or _invisible(char)))


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf")


@dataclass(frozen=True)
class Verdict:
    """What became of the check of a word: how it was shown right, or what is wrong."""

    how: str
    fault: str = ""


class Checker:
    """Says of a word and its subwords whether the one can be the other.

    Nothing of the library is used: pieces are spelled out as bytes by the rules of their kind of vocabulary.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._tokenizer = loaded.tokenizer
        self._spell = _SPELLINGS[loaded.kind]
        self._bytes: dict[int, bytes | None] = {}
        self._verdicts: dict[tuple[str, tuple[int, ...], int], Verdict] = {}
        normalizer = self._tokenizer.backend_tokenizer.normalizer if self._tokenizer.is_fast else None
        self._normalize: Callable[[str], str] = normalizer.normalize_str if normalizer is not None else str

    def word(self, word: str, ids: tuple[int, ...], status: int) -> Verdict:
        """Check a word against the ids of its subwords."""
        key = (word, ids, status)
        if key not in self._verdicts:
            unknown = bool(ids) and all(self._writes(piece) is None for piece in ids)
            if (status == UNKNOWN) != unknown:
                self._verdicts[key] = Verdict("differs", "the status does not tell whether all of it is unknown")
            elif status in (OK, UNKNOWN):
                self._verdicts[key] = self._same(word, ids)
            elif status == SHARED_SUBWORD:
                self._verdicts[key] = self._holds(word, ids)
            elif status == NO_SUBWORDS:
                left = [piece for piece in self._encode(word) if self._solid(piece)]
                self._verdicts[key] = Verdict("deleted", f"but alone it is {self._show(left)}" if left else "")
            else:
                self._verdicts[key] = Verdict("status", f"status {STATUSES[status]} where no model was run")
        return self._verdicts[key]

    def group(self, text: str, words: Sequence[str], ids: tuple[int, ...], *, lone: bool) -> Verdict:
        """Check words that share subwords as one stretch of text, which must be what they write together.

        Unless the stretch is `lone`, an invisible character that is in no word stands beside it.
        """
        verdict = self._same(text, ids)
        if lone and not verdict.fault and any(self._writes(piece) is None for piece in ids):
            # An unknown piece may be wide or not: it is not shared where the words one by one give the same pieces.
            alone = [piece for word in words for piece in self._encode(word) if self._solid(piece)]
            if alone == [piece for piece in ids if self._solid(piece)]:
                return Verdict("differs", "each word alone gives the same pieces, so they are not shared")
        return verdict

    def stray(self, ids: Sequence[int], invisible: int) -> str:
        """Say what subwords of no word write, apart from white space and invisible characters.

        An unknown piece may stand for one of the `invisible` characters that are in no word.
        """
        unknown = [piece for piece in ids if self._writes(piece) is None]
        return self._show(unknown) if len(unknown) > invisible else fold(self._text(ids))

    def _same(self, word: str, ids: tuple[int, ...]) -> Verdict:
        if any(self._writes(piece) is None for piece in ids):
            return self._unknown(word, ids)
        written, normal = self._text(ids), self._normalize(word)
        if _tight(written) == _tight(normal):
            return Verdict("exact")
        if fold(written) and fold(written) in (fold(word), fold(normal)):
            return Verdict("folded")
        return Verdict("differs", f"its subwords write {written!r}")

    def _holds(self, word: str, ids: tuple[int, ...]) -> Verdict:
        if any(self._writes(piece) is None for piece in ids):
            return Verdict("shared unknown")
        written, normal = self._text(ids), self._normalize(word)
        if not _tight(normal):
            return Verdict("differs", f"the tokenizer deletes it, but its subwords write {written!r}")
        if _tight(written) == _tight(normal):
            return Verdict("differs", f"its subwords write {written!r} and nothing else, so they are not shared")
        if _tight(normal) in _tight(written):
            return Verdict("shared exact")
        if any(folded and folded in fold(written) for folded in (fold(word), fold(normal))):
            return Verdict("shared folded")
        return Verdict("shared, not alone", f"its subwords, shared, write {written!r}")

    def _unknown(self, word: str, ids: tuple[int, ...]) -> Verdict:
        """Unknown pieces hide what they stand for: the word alone must give the same, or the known rest must fit."""
        if [piece for piece in self._encode(word) if self._solid(piece)] == [p for p in ids if self._solid(p)]:
            return Verdict("unknown, same alone")
        parts: list[list[int]] = [[]]
        for piece in ids:
            if self._writes(piece) is None:
                parts.append([])
            else:
                parts[-1].append(piece)
        pattern = ".+".join(re.escape(fold(self._text(part))) for part in parts)
        if re.fullmatch(pattern, fold(word)) or re.fullmatch(pattern, fold(self._normalize(word))):
            return Verdict("unknown, rest fits")
        return Verdict("differs", "its subwords, some unknown, do not fit it")

    def _writes(self, piece: int) -> bytes | None:
        if piece not in self._bytes:
            spelled = self._tokenizer.convert_ids_to_tokens(piece)
            unknown = piece == self._tokenizer.unk_token_id or spelled in ("<unk>", "[UNK]", "[unk]")
            self._bytes[piece] = None if unknown else self._spell(spelled)
        return self._bytes[piece]

    def _text(self, ids: Sequence[int]) -> str:
        # Bytes of several pieces are one character: they are joined before they are read.
        return b"".join(self._writes(piece) or b"" for piece in ids).decode("utf-8", "replace")

    def _solid(self, piece: int) -> bool:
        written = self._writes(piece)
        return written is None or bool(written.strip())

    def _encode(self, word: str) -> list[int]:
        ids: list[int] = self._tokenizer(word, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _show(self, ids: Sequence[int]) -> str:
        return " ".join(map(repr, self._tokenizer.convert_ids_to_tokens(list(ids)))) or "nothing"

    def show(self, ids: Sequence[int]) -> str:
        """List pieces as the vocabulary spells them."""
        return self._show(ids)


def _tight(text: str) -> str:
    return "".join(text.replace("▁", " ").split())


_BYTE_OF = {char: byte for byte, char in bytes_to_unicode().items()}


def _byte_level(piece: str) -> bytes:
    return bytes(_BYTE_OF[char] for char in piece.removesuffix("</w>"))


def _sentencepiece(piece: str) -> bytes:
    return piece.replace("▁", " ").encode()


def _with_byte_pieces(piece: str) -> bytes:
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
    return bytes.fromhex(byte[1]) if byte else _sentencepiece(piece)


_SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "WordPiece": lambda piece: piece.removeprefix("##").encode() if len(piece) > 2 else piece.encode(),
    "byte-level BPE": _byte_level,
    "SentencePiece BPE": _with_byte_pieces,
    "unigram": _sentencepiece,
    "bytes": lambda piece: piece.encode("latin-1"),
    "characters": str.encode,
}

# ── a row: one tokenizer on one corpus ──


@dataclass
class Row:
    """Counts of one tokenizer on one corpus; `checks` counts words by how they were shown right."""

    tokenizer: str
    tokenizer_kind: str
    corpus: str
    corpus_kind: str
    texts: int = 0
    words: int = 0
    subwords: int = 0
    aligned_by: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    misaligned: int = 0
    examples: list[str] = field(default_factory=list)

    def fail(self, what: str, text: str, pieces: str) -> None:
        self.misaligned += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{what}\n    in {text!r}\n    pieces {pieces}")

    def counts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "examples"}


def measure(loaded: Loaded, checker: Checker, corpus: Corpus) -> Row:
    tokenizer = Tokenizer(loaded.tokenizer, loaded.name)
    row = Row(loaded.name, loaded.kind, corpus.name, corpus.kind)
    for start in range(0, len(corpus.texts), BATCH):
        batch = corpus.texts[start : start + BATCH]
        for (text, spans), subwords in zip(batch, tokenizer.encode([text for text, _ in batch]), strict=True):
            row.texts += 1
            row.subwords += len(subwords.ids)
            row.aligned_by[subwords.aligned_by] += 1
            found = align(spans, subwords.spans, subwords.ids == tokenizer.unknown_id)
            owned: list[list[int]] = [[] for _ in spans]
            for word, subword in zip(found.word_index.tolist(), found.subword_index.tolist(), strict=True):
                owned[word].append(subword)
            check_text(row, checker, text, spans.tolist(), subwords.ids.tolist(), owned, found.statuses.tolist())
    return row


def check_text(
    row: Row,
    checker: Checker,
    text: str,
    spans: list[tuple[int, int]],
    ids: list[int],
    owned: list[list[int]],
    statuses: list[int],
) -> None:
    """Check the words of a text together where they share subwords, one by one, their order, and what no word has."""
    together: dict[int, str] = {}  # how a word was shown right with those it shares subwords with
    for group in _groups(owned, statuses):
        (start, _), (_, end) = spans[group[0]], spans[group[-1]]
        stretch, parts = text[start:end], [text[slice(*spans[word])] for word in group]
        own = tuple([ids[subword] for subword in sorted({one for word in group for one in owned[word]})])
        lone = not any(_invisible(char) for char in text[max(start - 1, 0) : start] + text[end : end + 1])
        verdict = checker.group(stretch, parts, own, lone=lone)
        together |= dict.fromkeys(group, verdict.how)
        if verdict.fault:
            row.fail(f"words that share subwords {stretch!r}: {verdict.fault}", text, checker.show(own))
    last = 0
    for word, (subwords, status) in enumerate(zip(owned, statuses, strict=True)):
        form, own = text[slice(*spans[word])], tuple([ids[subword] for subword in subwords])
        verdict = checker.word(form, own, status)
        row.words += 1
        row.statuses[STATUSES[status]] += 1
        row.checks[verdict.how] += 1
        # Two apostrophes that become one quotation mark are right together, though neither is in it.
        if verdict.fault and not (verdict.how == "shared, not alone" and together.get(word) == "exact"):
            row.fail(f"word {form!r} ({STATUSES[status]}): {verdict.fault}", text, checker.show(own))
        if subwords and subwords[0] < last:
            row.fail(f"word {form!r}: its subwords stand before those of the word before", text, str(subwords))
        last = subwords[-1] if subwords else last
    taken = {subword for subwords in owned for subword in subwords}
    if len(taken) < len(ids):
        stray = [piece for index, piece in enumerate(ids) if index not in taken]
        if written := checker.stray(stray, sum(map(_invisible, _outside(text, spans)))):
            row.fail(f"subwords of no word write {written!r}", text, checker.show(ids))


def _outside(text: str, spans: list[tuple[int, int]]) -> str:
    inside = {position for start, end in spans for position in range(start, end)}
    return "".join(char for position, char in enumerate(text) if position not in inside and not char.isspace())


def _groups(owned: list[list[int]], statuses: list[int]) -> Iterator[list[int]]:
    """Give each run of words in which every one shares a subword with the one before it."""
    group: list[int] = []
    for word, status in enumerate([*statuses, OK]):
        if group and not (word < len(owned) and set(owned[word]) & set(owned[group[-1]])):
            if len(group) > 1 or statuses[group[0]] == SHARED_SUBWORD:
                yield group
            group = []
        if status in (SHARED_SUBWORD, UNKNOWN):
            group.append(word)


# ── the report ──


def markdown(rows: list[Row], command: str, seconds: float) -> str:
    treebanks = [row for row in rows if row.corpus_kind == "treebank"]
    declarations = [row for row in rows if row.corpus_kind == "declaration"]
    words, wrong = sum(row.words for row in rows), sum(row.misaligned for row in rows)
    lines = [
        f"`{command}`  ",
        f"{datetime.date.today():%d %B %Y}, wordstates {version('wordstates')}, transformers "
        f"{transformers.__version__}; {seconds:.0f} s. Over all rows: {words:,} words, **{wrong:,} misaligned**.",
        "",
        "### By tokenizer, all treebanks together",
        "",
        *_by_tokenizer(treebanks),
        "",
        "### By treebank: % `ok` / `shared_subword` / `unknown` / `no_subwords`",
        "",
        *_by_corpus(treebanks),
    ]
    if declarations:
        lines += [
            "",
            "### By script, the Universal Declaration: % `ok` / `shared_subword` / `unknown` / `no_subwords`",
            "",
        ]
        lines += _by_corpus(declarations)
    return "\n".join(lines)


def _by_tokenizer(rows: list[Row]) -> list[str]:
    lines = [
        "| tokenizer | kind | words | subwords | `ok` % | `shared_subword` % | `unknown` % | `no_subwords` % "
        "| texts by offsets / strings | misaligned |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in dict.fromkeys(row.tokenizer for row in rows):
        mine = [row for row in rows if row.tokenizer == name]
        words = sum(row.words for row in mine)
        shares = [_percent(sum(row.statuses[STATUSES[status]] for row in mine), words) for status in SHOWN]
        by = [sum(row.aligned_by[how] for row in mine) for how in ("offsets", "strings")]
        cells = [name, mine[0].tokenizer_kind, f"{words:,}", f"{sum(row.subwords for row in mine):,}", *shares]
        lines.append(f"| {' | '.join(cells)} | {by[0]:,} / {by[1]:,} | {sum(row.misaligned for row in mine):,} |")
    return lines


def _by_corpus(rows: list[Row]) -> list[str]:
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    table = {(row.tokenizer, row.corpus): row for row in rows}
    lines = [f"| | {' | '.join(corpora)} |", f"|---|{'--:|' * len(corpora)}"]
    for name in dict.fromkeys(row.tokenizer for row in rows):
        lines.append(f"| {name} | {' | '.join(_cell(table[name, corpus]) for corpus in corpora)} |")
    words = [next(row.words for row in rows if row.corpus == corpus) for corpus in corpora]
    wrong = [sum(row.misaligned for row in rows if row.corpus == corpus) for corpus in corpora]
    lines.append(f"| words | {' | '.join(f'{count:,}' for count in words)} |")
    lines.append(f"| misaligned, all tokenizers | {' | '.join(f'{count:,}' for count in wrong)} |")
    return lines


def _cell(row: Row) -> str:
    return " / ".join(_percent(row.statuses[STATUSES[status]], row.words) for status in SHOWN)


def _percent(part: int, whole: int) -> str:
    """Write a share so that 0 means none and 100 means all."""
    if part in (0, whole):
        return "100" if part else "0"
    share = 100 * part / whole
    return "<0.01" if share < 0.01 else ">99.99" if share > 99.99 else f"{share:.2f}"


def write_markdown(path: Path, tables: str) -> None:
    """Write the tables between their marks, the page around them kept."""
    page = path.read_text(encoding="utf-8") if path.exists() else f"# Real text, real tokenizers\n\n{BEGIN}\n{END}\n"
    if BEGIN not in page or END not in page:
        raise SystemExit(f"{path}: no marks {BEGIN!r} and {END!r} for the tables to stand between.")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Align real text with real tokenizers, and check every word.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with ud/ and tokenizers/")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N texts of each corpus")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the counts of every row")
    parser.add_argument("--markdown", type=Path, metavar="OUT", help="write the tables")
    arguments = parser.parse_args()
    for needed, what in (("ud/*/*.conllu", "treebanks in CoNLL-U"), ("tokenizers/*/*", "folders of tokenizers")):
        if next(arguments.data.glob(needed), None) is None:
            parser.error(f"--data {arguments.data}: no {what} there ({needed})")

    began = time.perf_counter()
    corpora = read_corpora(arguments.data, arguments.limit)
    rows = []
    for loaded in load_tokenizers(arguments.data):
        checker = Checker(loaded)
        for corpus in corpora:
            row = measure(loaded, checker, corpus)
            rows.append(row)
            for example in row.examples:
                print(f"MISALIGNED {row.tokenizer} on {row.corpus}: {example}", file=sys.stderr)
        mine = [row for row in rows if row.tokenizer == loaded.name]
        words, wrong = sum(row.words for row in mine), sum(row.misaligned for row in mine)
        print(f"{loaded.name}: {words:,} words, {wrong:,} misaligned, {time.perf_counter() - began:.0f} s in all")

    seconds = time.perf_counter() - began
    limit = f" --limit {arguments.limit}" if arguments.limit else ""
    command = f"python benchmarks/alignment_table.py --data DIR{limit}"
    if arguments.json:
        report = {
            "command": command,
            "date": f"{datetime.date.today():%Y-%m-%d}",
            "versions": {"wordstates": version("wordstates"), "transformers": transformers.__version__},
            "seconds": round(seconds),
        }
        table = ",\n".join(json.dumps(row.counts()) for row in rows)  # one row per line
        arguments.json.write_text(f'{json.dumps(report)[:-1]}, "rows": [\n{table}\n]}}\n', encoding="utf-8")
    tables = markdown(rows, command, seconds)
    if arguments.markdown:
        write_markdown(arguments.markdown, tables)
    else:
        print(tables)
    return 1 if any(row.misaligned for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
