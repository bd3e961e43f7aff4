"""What is looked for in a corpus: words and phrases, regular expressions, lemmas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import regex

from wordstates.documents.decode import read_lines
from wordstates.documents.document import Document
from wordstates.documents.sources import find_sources
from wordstates.errors import InputError, TargetNotFoundError
from wordstates.text.folding import Typed, fold
from wordstates.text.targets import MOST_WORDS, Match, Target, TargetFinder, compared
from wordstates.wording import counted


class Searcher(Protocol):
    """Finds the usages of targets in documents."""

    names: list[str]

    def find(self, document: Document) -> list[Match]:
        """Give (start, end, index of the target) of every usage, in text order."""
        ...

    def words(self, document: Document) -> Iterable[str]:
        """Give the words of a document that a lost target may be a misspelling of."""
        ...

    def check_seen(self, seen: Collection[int], words: Sequence[str], where: str) -> None:
        """Raise TargetNotFoundError if a target is not among those seen."""
        ...


class TextSearcher:
    """Finds words, phrases and regular expressions in the text itself, as `TargetFinder` does.

    Args:
        targets: Words and phrases, or compiled regular expressions.
        ignore_case: Whether *Fox* is a usage of *fox*; for words and phrases.
        match_exactly: Tell *don’t* from *don't*, and *Fox* from *fox*; for words and phrases.
    """

    def __init__(self, targets: Sequence[Target], *, ignore_case: bool = True, match_exactly: bool = False) -> None:
        self._finder = TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly)
        self.names = self._finder.names

    def find(self, document: Document) -> list[Match]:
        """Give every usage in a document."""
        return self._finder.find(document.text)

    def words(self, document: Document) -> Iterable[str]:
        """Give the words of its text."""
        return document.text.split()

    def check_seen(self, seen: Collection[int], words: Sequence[str], where: str) -> None:
        """Raise TargetNotFoundError if a target is not among those seen."""
        self._finder.check_seen(seen, words, where)


class LemmaSearcher:
    """Finds words by the lemmas that the input gives them: every form of *go* for ``go``.

    A target of several lemmas is found where words that stand together have them.

    Args:
        targets: Lemmas, or several with spaces between them.
        ignore_case: Whether *Go* is found by *go*.
        match_exactly: Tell *don’t* from *don't*, and *Go* from *go*.

    Raises:
        InputError: If a target is empty.
    """

    def __init__(self, targets: Sequence[str], *, ignore_case: bool = True, match_exactly: bool = False) -> None:
        self.names = list(targets)
        self._ignore_case = ignore_case and not match_exactly
        self._match_exactly = match_exactly
        self._any_lemma = False
        self._by_first: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
        for index, target in enumerate(targets):
            lemmas = compared(target, index, ignore_case=ignore_case, match_exactly=match_exactly)
            self._by_first[lemmas[0]].append((lemmas, index))

    def find(self, document: Document) -> list[Match]:
        """Give every usage in a document, none where it has no lemmas."""
        if document.lemmas is None or document.spans is None:
            return []
        # One entry a lemma: "im" is two words with one span, and the lemma "10 000" is found as it is written.
        lemmas, word_of = list[str](), list[int]()
        for number, several in enumerate(document.lemmas):
            written = " ".join(several)
            written = written if self._match_exactly else Typed(written).text
            parts = fold(written, ignore_case=self._ignore_case).split()
            lemmas += parts
            word_of += [number] * len(parts)
        self._any_lemma = self._any_lemma or bool(lemmas)
        found = set()
        for place, lemma in enumerate(lemmas):
            for wanted, index in self._by_first.get(lemma, ()):
                last = place + len(wanted) - 1
                if lemmas[place : last + 1] == wanted:
                    found.add((document.spans[word_of[place]][0], document.spans[word_of[last]][1], index))
        return sorted(found)

    def words(self, document: Document) -> Iterable[str]:
        """Give its lemmas."""
        return [lemma for several in document.lemmas or () for lemma in several]

    def check_seen(self, seen: Collection[int], words: Sequence[str], where: str) -> None:
        """Raise TargetNotFoundError if a target is not among those seen."""
        if not self._any_lemma:
            raise TargetNotFoundError(
                f"No word in {where} has a lemma: lemma=True needs CoNLL-U whose third column is filled. Leave it out "
                "to search the text."
            )
        TargetFinder(self.names).check_seen(seen, words, where)


class Seen:
    """Which targets have been seen, and some words of the texts as long as one has not.

    Args:
        searcher: What is looked for.
        checked: Whether `check` will be called: only then are words kept, which costs as much as the search itself.
    """

    def __init__(self, searcher: Searcher, *, checked: bool = True) -> None:
        self._searcher = searcher
        self._checked = checked
        self._texts = 0
        self._words: set[str] = set()
        self._first = ""
        self.counts = [0] * len(searcher.names)
        self._lost = len(self.counts)

    @property
    def by_name(self) -> dict[str, int]:
        """Usages of each target."""
        return dict(zip(self._searcher.names, self.counts, strict=True))

    @property
    def all(self) -> bool:
        """True once each target has a usage."""
        return not self._lost

    def add(self, document: Document, matches: Sequence[Match]) -> None:
        """Count the usages in a document."""
        self._texts += 1
        self._first = self._first or document.id
        for match in matches:
            self._lost -= not self.counts[match[2]]
            self.counts[match[2]] += 1
        if self._checked and self._lost and len(self._words) < MOST_WORDS:
            self._words.update(self._searcher.words(document))

    def check(self) -> None:
        """Check that every target was seen.

        Raises:
            TargetNotFoundError: If one was not; it names near words.
        """
        if self._lost:
            where = repr(self._first) if self._texts == 1 else f"any of the {counted(self._texts, 'text')}"
            seen = {index for index, count in enumerate(self.counts) if count}
            self._searcher.check_seen(seen, sorted(self._words)[:MOST_WORDS], where)


def make_searcher(
    targets: Sequence[str], *, kind: str = "text", ignore_case: bool = True, match_exactly: bool = False
) -> Searcher:
    """Make what finds targets that were given as text.

    Args:
        targets: Words and phrases, or what `kind` says.
        kind: ``text``, ``regex`` or ``lemma``.
        ignore_case: Whether *Fox* is a usage of *fox*; regular expressions are taken as they are.
        match_exactly: Tell *don’t* from *don't*, and *Fox* from *fox*.

    Raises:
        InputError: If there is no target, one is empty, or no regular expression.
    """
    if kind == "lemma":
        return LemmaSearcher(targets, ignore_case=ignore_case, match_exactly=match_exactly)
    if kind == "text":
        return TextSearcher(targets, ignore_case=ignore_case, match_exactly=match_exactly)
    return TextSearcher([_compiled(target) for target in targets])


def _compiled(target: str) -> Target:
    try:
        compiled: Target = regex.compile(target)
    except regex.error as error:
        raise InputError(
            f"Target {target!r} is no regular expression ({error}): mend it, or leave regex=True out."
        ) from error
    return compiled


def read_targets(given: Sequence[str]) -> list[str]:
    """Read targets as they are typed: ``@FILE`` stands for the lines of a file, ``@@`` for an at sign.

    Args:
        given: Targets and names of files. In a file each line is a target: UTF-8, blank lines and white space around a
            target left out; there are no comments, because ``#`` begins targets too.

    Returns:
        The targets, each once, in order.

    Raises:
        InputError: If a file is missing, or there is no target.
    """
    targets: dict[str, None] = {}
    for target in given:
        if target.startswith("@@"):
            targets[target[1:]] = None
        elif target.startswith("@") and len(target) > 1:
            targets |= dict.fromkeys(read_list(target[1:]))
        else:
            targets[target] = None
    return list(targets)


def read_list(path: str) -> list[str]:
    """Read a file of one entry per line, each once, blank lines left out.

    Raises:
        InputError: If it is missing, not UTF-8, or holds nothing.
    """
    if Path(path).is_dir():
        raise InputError(f"{path!r} is a folder: give a file of one entry per line.")
    (source,) = find_sources([path], "txt").sources
    entries = list(dict.fromkeys(line.strip() for _, line in read_lines(source, "utf-8") if line.strip()))
    if not entries:
        raise InputError(f"{source.name!r} holds no entry: write one per line.")
    return entries
