"""What is looked for in a corpus: targets as they are typed, lemmas, and which have been seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from wordstates.documents.document import Document
from wordstates.errors import InputError, TargetNotFoundError
from wordstates.runs.find import check_every_target, count_usages
from wordstates.runs.searchers import LemmaSearcher, Seen, make_searcher, read_list, read_targets
from wordstates.text.targets import TargetFinder

TEXT = "Im Haus went 10 000 geese, going."
SPANS = ((0, 2), (3, 7), (8, 12), (13, 19), (20, 25), (25, 26), (27, 32), (32, 33))
LEMMAS = (("in", "der"), ("Haus",), ("go",), ("10 000",), ("goose",), (",",), ("go",), ())
SENTENCE = Document("s", TEXT, SPANS, lemmas=LEMMAS)


def found(*targets: str, document: Document = SENTENCE, ignore_case: bool = True) -> list[tuple[str, int]]:
    matches = LemmaSearcher(targets, ignore_case=ignore_case).find(document)
    return [(document.text[start:end], index) for start, end, index in matches]


def test_every_form_of_a_lemma_is_found() -> None:
    assert found("go", "goose") == [("went", 0), ("geese", 1), ("going", 0)]


def test_a_token_of_several_words_is_found_by_each() -> None:
    assert found("in", "der") == [("Im", 0), ("Im", 1)]


def test_several_lemmas_are_words_that_stand_together() -> None:
    assert found("der haus", "go 10 000 goose", "goose go", "10") == [
        ("Im Haus", 0),
        ("went 10 000 geese", 1),
        ("10 000", 3),
    ]


def test_case_of_lemmas() -> None:
    assert found("HAUS", "haus", ignore_case=False) == []
    assert found("Haus", ignore_case=False) == [("Haus", 0)]


def test_documents_without_lemmas_have_no_usage() -> None:
    assert found("go", document=Document("a", "They go.")) == []
    assert found("go", document=Document("a", "go", ((0, 2),), lemmas=((),))) == []


def test_an_empty_lemma_is_refused() -> None:
    with pytest.raises(InputError, match="Target 1 is ' ': a target holds at least one character"):
        LemmaSearcher(["go", " "])


def test_lemmas_in_an_input_that_has_none() -> None:
    with pytest.raises(TargetNotFoundError, match="No word in 'a' has a lemma: lemma=True needs CoNLL-U"):
        count_usages([Document("a", "They go.")], LemmaSearcher(["go"]))


def test_targets_as_they_are_typed(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\ufefffox \r\n\n#tag\nlazy  dog\nfox\n", encoding="utf-8")
    assert read_targets(["cat", f"@{tmp_path}/list.txt", "@@home", "@", "cat"]) == [
        "cat",
        "fox",
        "#tag",
        "lazy  dog",
        "@home",
        "@",
    ]


def test_a_list_that_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(" \n")
    with pytest.raises(InputError, match=r"list\.txt' holds no entry: write one per line"):
        read_list(f"{tmp_path}/list.txt")
    with pytest.raises(InputError, match=r"gone\.txt' does not exist"):
        read_targets([f"@{tmp_path}/gone.txt"])


def test_regular_expressions_are_taken_as_they_are() -> None:
    searcher = make_searcher([r"\p{Lu}\w+", "g.."], kind="regex")
    assert [TEXT[start:end] for start, end, _ in searcher.find(SENTENCE)] == ["Im", "Haus", "gee", "goi"]
    with pytest.raises(InputError, match=r"Target '\(' is no regular expression \(missing \)"):
        make_searcher(["("], kind="regex")


def test_what_has_been_seen() -> None:
    searcher = make_searcher(["fox", "hens"])
    seen = Seen(searcher)
    for name, text in (("a", "A fox, a hen."), ("b", "The fox.")):
        seen.add(Document(name, text), searcher.find(Document(name, text)))
    assert (seen.all, seen.by_name) == (False, {"fox": 2, "hens": 0})
    with pytest.raises(TargetNotFoundError) as told:
        seen.check()
    assert str(told.value) == (
        "Target 'hens' does not occur in any of the 2 texts: whole words are matched. Near it: 'hen.'. "
        "Pass missing='ignore' to go on without."
    )


def test_the_check_reads_no_further_than_it_must() -> None:
    documents = iter([Document("a", "A fox."), Document("b", "A hen."), Document("c", "A cat.")])
    check_every_target(documents, make_searcher(["hen", "fox"]))
    assert next(documents).id == "c"


def test_nothing_found_at_all_is_an_error_even_if_missing_targets_are_not() -> None:
    with pytest.raises(TargetNotFoundError, match="No usage found of 2 targets in 1 text: there is nothing to write"):
        count_usages([Document("a", "A cat.")], make_searcher(["hen", "fox"]), missing="ignore")


# The same word as print, the web and a keyboard write it.
WRITTEN_ALIKE = [
    ("don't", "don\u2019t"), ("don't", "don\u02bct"), ("don't", "don\u00b4t"), ("don't", "don\uff07t"),
    ("well-known", "well\u2011known"), ("well-known", "well\u2010known"), ("1990-95", "1990\u201395"),
    ("-3", "\u22123"),
    ("cooperate", "co\u00adope\u00adrate"), ("foxtrot", "fox\u200btrot"), ("foxtrot", "\u2066fox\u2060trot\u2069"),
    ("\u0645\u06cc\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),  # Persian
    ("a \"b\"", "a\u00a0\u201cb\u201d"), ("a \"b\"", "a \u00abb\u00bb"), ("New York", "New\u202fYork"),
    ("wait...", "wait\u2026"),
    ("five", "\ufb01ve"), ("ABC", "\uff21\uff22\uff23"), ("ガス", "\uff76\uff9e\uff7d"), ("IJsland", "\u0132sland"),
    ("\u0644\u0627", "\ufefb"),  # Arabic, as PDF files have it
]  # fmt: skip


@pytest.mark.parametrize(("typed", "printed"), WRITTEN_ALIKE)
def test_words_are_found_however_they_are_printed(typed: str, printed: str) -> None:
    for target, written in ((typed, printed), (printed, typed)):
        text = f"({written}) and so on"
        shown = written.strip("\u2066\u2069")
        for ignore_case in (True, False):
            (match,) = TargetFinder([target], ignore_case=ignore_case).find(text)
            assert text[match[0] : match[1]] == shown
        if "\u00a0" not in printed and "\u202f" not in printed:  # white space is white space
            assert TargetFinder([target], match_exactly=True).find(text) == []
            assert len(TargetFinder([shown], match_exactly=True).find(text)) == 1


def test_what_is_hidden_inside_a_word_does_not_end_it() -> None:
    assert TargetFinder(["co", "f", "."]).find("co\u00adoperate \ufb01 \u2026") == []
    family = "\U0001f469\u200d\U0001f467"  # of two emoji: what joins them is part of it
    assert TargetFinder(["\U0001f469\U0001f467"]).find(family) == []
    assert TargetFinder([family]).find(family) == [(0, 3, 0)]


def test_match_exactly_takes_case_too() -> None:
    assert TargetFinder(["fox"], match_exactly=True).find("Fox fox") == [(4, 7, 0)]
    assert LemmaSearcher(["haus"], match_exactly=True).find(SENTENCE) == []
    assert LemmaSearcher(["HAUS\u00ad"]).find(SENTENCE) == [(3, 7, 0)]


def test_a_target_of_hidden_characters_is_refused() -> None:
    with pytest.raises(InputError, match="at least one character that can be seen"):
        TargetFinder(["\u200b"])
    assert TargetFinder(["\u200b"], match_exactly=True).find("a \u200b b") == [(2, 3, 0)]
