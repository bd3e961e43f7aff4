"""Labelled data: what each format is taken for, where its targets stand, and what is said of wrong data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from wordstates.errors import InputError
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.data.task import Item, Task, UsageTable, limited
from wordstates.options import Split

CONLLU = """# text = Im Haus.
1-2	Im	_	_	_	_	_	_	_	_
1	In	in	ADP	APPR	_	3	case	_	_
2	dem	der	DET	ART	Number=Sing	3	det	_	_
3	Haus	Haus	NOUN	NN	Number=Sing	0	root	_	SpaceAfter=No
4	.	.	PUNCT	$.	_	3	punct	_	_

# text = Ja .
1	Ja	ja	INTJ	ITJ	_	0	root	_	_
2	.	.	PUNCT	$.	_	1	punct	_	_

# text = Das alte Haus schläft .
1	Das	der	DET	ART	Number=Sing	3	det	_	_
2	alte	alt	ADJ	ADJA	Number=Sing	3	amod	_	_
3	Haus	Haus	NOUN	NN	Number=Sing	4	nsubj	_	_
4	schläft	schlafen	VERB	VVFIN	Number=Plur	0	root	_	_
5	.	.	PUNCT	$.	_	4	punct	_	_
"""
COLUMNS = "\n".join(f"Anna{n}\tB-PER\nlives\tO\nin\tO\nNew_York{n}\tB-LOC\n" for n in range(4)) + "\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **options: object) -> Task:
    return read_task({None: path}, DataOptions(**options))  # type: ignore[arg-type]


def shown(task: Task) -> list[tuple[str, object]]:
    """Give the first usage of each item as it is written in its text, and the gold answer."""
    return [(task.usages.word(item.left[0]), item.gold) for item in task.items]


def refused(path: Path | dict[Split | None, str | Path], **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_task(path if isinstance(path, dict) else {None: path}, DataOptions(**options))  # type: ignore[arg-type]
    return str(caught.value)


# ---------------------------------------------------------------- labelled words


def test_a_column_of_conllu(tmp_path: Path) -> None:
    task = read(write(tmp_path, "a.conllu", CONLLU))
    assert task.name == "labels"
    assert shown(task)[:3] == [("Im", "ADP+DET"), ("Haus", "NOUN"), (".", "PUNCT")]
    assert task.items[0].place.endswith("a.conllu:2")
    assert task.items[0].word == "im"
    assert len({item.group for item in task.items}) == 3


def test_another_column_and_a_feature(tmp_path: Path) -> None:
    path = write(tmp_path, "a.conllu", f"{CONLLU}\n" * 3)
    assert shown(read(path, label="xpos"))[1] == ("Haus", "NN")
    task = read(path, label="Number")
    assert shown(task)[:2] == [("Haus", "Sing"), ("Das", "Sing")]
    assert {item.gold for item in task.items} == {"Sing", "Plur"}
    assert task.skipped == {"words without the feature": 15}  # im, two full stops and "Ja .", three times


def test_two_columns(tmp_path: Path) -> None:
    task = read(write(tmp_path, "ner.conll", COLUMNS))
    assert (task.name, len(task.items)) == ("labels", 16)
    assert shown(task)[3] == ("New_York0", "B-LOC")
    assert task.usages.texts[0] == "Anna0 lives in New_York0"
    spaced = write(tmp_path, "spaced.conll", "-DOCSTART- O\n\n" + COLUMNS.replace("\t", " "))
    assert shown(read(spaced)) == shown(task)


def test_json_lines_with_labels(tmp_path: Path) -> None:
    rows = [
        {"text": "New York, he said", "spans": [[0, 8], [10, 12]], "labels": ["PLACE", "PERSON"]},
        {"words": ["I", "see", "Rome"], "labels": ["PERSON", "DOING", "PLACE"]},
        {"text": "I see Rome now.", "words": ["see", "Rome", "now"], "labels": ["DOING", "PLACE", "TIME"]},
    ] * 2
    task = read(write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    assert shown(task)[:5] == [
        ("New York", "PLACE"),
        ("he", "PERSON"),
        ("I", "PERSON"),
        ("see", "DOING"),
        ("Rome", "PLACE"),
    ]
    assert len(task.items) == 16
    assert len(task.usages) == 8  # what stands twice is read once


# ---------------------------------------------------------------- pairs


def test_words_in_context(tmp_path: Path) -> None:
    path = write(tmp_path, "train.data.txt", "bank\tN\t1-2\tthe bank failed\ton the bank of it\n" * 5)
    write(tmp_path, "train.gold.txt", "F\nT\nF\nT\nF\n")
    message = refused(path)
    assert "5 items for the task 'pairs'" in message
    write(tmp_path, "train.data.txt", "bank\tN\t1-2\tthe bank failed\ton the bank of it\n" * 10)
    write(tmp_path, "train.gold.txt", "F\nT\n" * 5)
    task = read(path)
    assert (task.name, task.yes_no) == ("pairs", True)
    usages = task.items[0].usages
    assert [task.usages.word(usage) for usage in usages] == ["bank", "bank"]
    assert [item.gold for item in task.items[:2]] == [0.0, 1.0]


def test_target_sense_verification(tmp_path: Path) -> None:
    write(tmp_path, "train_examples.txt", "fundus\t1\tthe fundus of it\n" * 10)
    write(tmp_path, "train_definitions.txt", "a base\n" * 10)
    write(tmp_path, "train_labels.txt", "T\nF\n" * 5)
    task = read(tmp_path)
    assert task.name == "pairs"
    assert task.usages.texts == ["the fundus of it", "fundus: a base"]
    assert [task.usages.word(usage) for usage in task.items[0].usages] == ["fundus", "fundus"]


def test_marked_targets(tmp_path: Path) -> None:
    rows = [f"Ein <word> Haus {n} </word>.\tA  <word>home</word> .\t{'TF'[n % 2]}" for n in range(10)]
    task = read(write(tmp_path, "a.tsv", "context1\tcontext2\tlabel\n" + "\n".join(rows) + "\n"))
    assert (task.name, task.yes_no) == ("pairs", True)
    assert [task.usages.word(usage) for usage in task.items[3].usages] == ["Haus 3", "home"]
    rated = read(write(tmp_path, "b.tsv", "sentence1\tsentence2\trating\n" + "\n".join(rows).replace("\tT", "\t2.5")))
    assert not rated.yes_no
    assert rated.items[0].gold == 2.5


def test_two_words_in_two_contexts(tmp_path: Path) -> None:
    head = "word1\tword2\tcontext1\tcontext2\tsim1\tsim2\n"
    row = "bank\tshore\tA <strong>bank</strong>, a <strong>shore</strong>.\t<b>shore</b> or <b>banks</b>\t{}\t{}\n"
    task = read(write(tmp_path, "a.tsv", head + "".join(row.format(n, n / 2) for n in range(1, 6))))
    assert [item.gold for item in task.items[:4]] == [1.0, 0.5, 2.0, 1.0]
    assert [[task.usages.word(usage) for usage in item.usages] for item in task.items[:2]] == [
        ["bank", "shore"],
        ["shore", "banks"],
    ]


def test_json_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"sense": ' + "[" * 100_000 + "\n")
    assert "a.jsonl:1: this line is not JSON: it is nested too deeply" in refused(path, task="senses")


def test_pairs_in_json_lines(tmp_path: Path) -> None:
    rows = [{"text1": "a b", "span1": [0, 1], "text2": "b c", "span2": [2, 3], "rating": n} for n in range(1, 11)]
    task = read(write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    assert (task.name, task.yes_no) == ("pairs", False)
    assert [task.usages.word(usage) for usage in task.items[0].usages] == ["a", "c"]


def test_word_pairs(tmp_path: Path) -> None:
    one = "id\tpos\tword1\tword2\tscore\n" + "".join(f"{n}\tn\tarm{n}\tleg\t0.{n}\n" for n in range(10))
    task = read(write(tmp_path, "a.tsv", one))
    assert task.name == "similarity"
    assert task.items[4].gold == 0.4
    assert task.usages.texts[:2] == ["arm0", "leg"]
    published = "word1\tword2\tPOS\tSimLex999\tconc(w1)\n" + "".join(f"arm{n}\tleg\tN\t1.{n}\t9\n" for n in range(10))
    assert [item.gold for item in read(write(tmp_path, "c.txt", published)).items[:2]] == [1.0, 1.1]
    commas = "Word 1,Word 2,Human (mean)\n" + "".join(f'"arm, {n}",leg,2.{n}\n' for n in range(10))
    found = read(write(tmp_path, "d.csv", commas))
    assert (found.usages.texts[0], found.items[3].gold) == ("arm, 0", 2.3)
    several = "Word 1\tWord 2\tAnnotator 1\tAnnotator 2\n" + "".join(f"arm{n}\tleg\t{n}\t{n + 1}\n" for n in range(10))
    assert [item.gold for item in read(write(tmp_path, "b.tsv", several)).items[:2]] == [0.5, 1.5]


def test_judged_usages(tmp_path: Path) -> None:
    folder = graphs(tmp_path)
    task = read(folder)
    assert task.name == "pairs"
    assert [item.gold for item in task.items if item.word == "arm"][:2] == [3.5, 1.0]
    assert task.skipped == {"pairs without a decision": 2}


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_word_usage_graphs_as_they_are_published(tmp_path: Path, ending: str) -> None:
    """DWUG's files are separated by tabs and named .csv."""
    folder = graphs(tmp_path, ending)
    task = read(folder)
    assert (task.name, len(task.items)) == ("pairs", 12)
    assert task.read_as == [f"judged pairs of word usage graphs (it has files uses.{ending})"]
    judgments = folder / f"data/arm/judgments.{ending}"
    judgments.write_text(judgments.read_text().replace("arm2\tarm3\t1", "arm2\tarm3\tnan"), encoding="utf-8")
    assert read(folder).skipped == {"pairs without a decision": 3}
    assert f"stats_groupings.{ending}:2: 2 items for the task 'change'" in refused(folder, task="change")


def graphs(folder: Path, ending: str = "tsv") -> Path:
    """Write usages of two words in two times, judged, with statistics."""
    head = "lemma\tgrouping\tidentifier\tcontext\tindexes_target_token\n"
    for word in ("arm", "leg"):
        uses = "".join(f"{word}\t{1900 + 50 * (n % 2)}\t{word}{n}\tmy {word} {n}\t3:6\n" for n in range(8))
        write(folder, f"data/{word}/uses.{ending}", head + uses)
        judged = [(0, 1, 3), (1, 0, 4), (2, 3, 1), (4, 5, 0), *((n, 7, 2) for n in range(4))]
        lines = "".join(f"{word}{a}\t{word}{b}\t{rating}\n" for a, b, rating in judged)
        write(folder, f"data/{word}/judgments.{ending}", "identifier1\tidentifier2\tjudgment\n" + lines)
    write(folder, f"stats/opt/stats_groupings.{ending}", "lemma\tchange_graded\narm\t0.25\nleg\t0.75\n")
    return folder


# ---------------------------------------------------------------- senses


def test_semcor(tmp_path: Path) -> None:
    lines = []
    for n in range(12):
        lines += ["# doc x", f"The\tthe\tDT\t_\nbank_{n}\tbank\tNN\tbank%1:1{n % 2}:00::;1:99:00::\n.\t_\t_\t_", ""]
    task = read(write(tmp_path, "a.tsv", "\n".join(lines)))
    assert task.name == "senses"
    assert shown(task)[:2] == [("bank 0", "bank%1:10:00::"), ("bank 1", "bank%1:11:00::")]
    assert {item.word for item in task.items} == {"bank%1"}


def test_four_columns_are_semcor_only_with_sense_keys(tmp_path: Path) -> None:
    """CoNLL-2003 has four columns too; what was guessed, and why, is told, and --task decides."""
    block = "Anna{0}\tNNP\tB-NP\tB-PER\nsings\tVBZ\tB-VP\tO\nin\tIN\tB-PP\tO\nRome\tNNP\tB-NP\tB-LOC"
    path = write(tmp_path, "train", "\n\n".join(block.format(n) for n in range(4)) + "\n")
    task = read(path)
    assert (task.name, shown(task)[:2]) == ("labels", [("Anna0", "B-PER"), ("sings", "O")])
    assert task.read_as == ["a word and its label in a line (its lines have 4 columns, the first one word)"]
    message = refused(path, task="senses")
    assert message.endswith("(Read as SemCor in columns (it has no header that is known).)")
    short = write(tmp_path, "short", block.format(0) + "\n")
    assert refused(short).endswith(
        "give at least 10. (Read as a word and its label in a line (its lines have 4 columns, the first one word); "
        "task=... overrides it.)"
    )


def test_a_long_table_is_no_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "".join(f"id{n}\t{n}\t{n % 7}\t{'ab'[n % 2]}\n" for n in range(300)))
    assert "this does not look like labelled data" in refused(path)
    assert read(path, task="labels").read_as == [
        "a word and its label in a line (its lines have 4 columns, the first one word)"
    ]


def test_a_folder_of_words_in_context_is_not_taken_for_senses(tmp_path: Path) -> None:
    for split, count in (("train", 12), ("dev", 10), ("test", 10)):
        rows = "".join(f"bank\tN\t1-2\tthe bank {split} {n}\ton the bank\n" for n in range(count))
        write(tmp_path, f"WiC/{split}/{split}.data.txt", rows)
        write(tmp_path, f"WiC/{split}/{split}.gold.txt", "T\nF\n" * (count // 2))
    task = read(tmp_path / "WiC")
    assert (task.name, task.yes_no) == ("pairs", True)
    assert [[item.split for item in task.items].count(split) for split in ("train", "dev", "test")] == [12, 10, 10]
    assert task.read_as == ["WiC (a line of dev.data.txt has 5 columns)"]
    assert "there is no token" in refused(tmp_path / "WiC", task="senses")
    (tmp_path / "WiC/test/test.gold.txt").unlink()
    assert "its answers are not there: test.gold.txt has to lie beside it" in refused(tmp_path / "WiC")


@pytest.mark.parametrize("task", ["senses", "labels", "pairs"])
def test_json_lines_name_their_split(task: str, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = []
    for n, split in enumerate(["train"] * 8 + ["validation"] * 4 + ["test"] * 4):
        text, answer = f"a bank {n}", n % 2
        one = {
            "senses": {"text": text, "span": [2, 6], "sense": answer},
            "labels": {"text": text, "spans": [[2, 6]], "labels": [answer]},
            "pairs": {"text1": text, "span1": [2, 6], "text2": f"b {n}", "span2": [0, 1], "label": answer},
        }[task]
        rows.append({**one, "split": split})

    def written(rows: list[dict[str, object]]) -> Path:
        return write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    path = written(rows)
    assert Counter(item.split for item in read(path).items) == {"train": 8, "dev": 4, "test": 4}
    assert {item.split for item in read_task({"test": path}, DataOptions()).items} == {"test"}  # what is asked for
    assert "a.jsonl:16: 'split' is 7: it is train, dev or test" in refused(
        written([*rows[:-1], {**rows[-1], "split": 7}])
    )
    none = {name: value for name, value in rows[2].items() if name != "split"}
    assert "a.jsonl:3: this item is in no split, and others are" in refused(written([*rows[:2], none, *rows[3:]]))


def test_words_with_one_sense_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"text": f"a bank {n}", "span": [2, 6], "sense": str(n % 2)} for n in range(12)]
    rows += [{"text": f"a tree {n}", "span": [2, 6], "sense": "plant"} for n in range(3)]
    rows += [{"text": "a rare bank", "span": [7, 11], "sense": "rare"}]
    task = read(write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    assert task.name == "senses"
    assert len(task.items) == 12
    assert task.skipped == {"with nothing to tell apart": 4}


def test_a_folder_with_splits_of_its_own(tmp_path: Path) -> None:
    for split, count in (("train", 8), ("test", 4)):
        write(tmp_path, f"bank/{split}.data.txt", "".join(f"1\ta bank {split} {n}\n" for n in range(count)))
        write(tmp_path, f"bank/{split}.gold.txt", "".join(f"{n % 2}\n" for n in range(count)))
    task = read(tmp_path)
    assert task.name == "senses"
    assert [item.split for item in task.items].count("train") == 8
    assert shown(task)[0] == ("bank", "bank 0")


# ---------------------------------------------------------------- change


def test_change_of_a_folder_of_graphs(tmp_path: Path) -> None:
    message = refused(graphs(tmp_path), task="change")
    assert "2 items for the task 'change'" in message
    assert "stats_groupings.tsv:2" in message


def test_targets_and_two_corpora(tmp_path: Path) -> None:
    words = [f"word{'abcdefghijkl'[n]}" for n in range(12)]
    targets = write(tmp_path, "targets.tsv", "".join(f"{word}\t0.{n}\n" for n, word in enumerate(words)))
    early = write(tmp_path, "early.txt", "".join(f"an old {word} and a {word}\n" for word in words))
    late = write(tmp_path, "late.txt", "".join(f"a new {word}\n" for word in words[:-1]))
    task = read(targets, earlier=(str(early),), later=(str(late),))
    assert task.name == "change"
    assert [(len(item.left), len(item.right)) for item in task.items] == [(2, 1)] * 11
    assert task.items[3].gold == 0.3
    assert task.skipped == {"targets that one of the corpora lacks": 1}


# ---------------------------------------------------------------- wrong data


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.conllu", CONLLU.replace("ja\tINTJ", "ja\t_"), "a.conllu:9: the label is missing"),
        ("a.conll", COLUMNS + "lonely\n", "a.conll:21: the label is missing"),
        ("a.jsonl", '{"text": "a b", "spans": [[0, 1]]}', "a.jsonl:1: the label is missing"),
        ("a.jsonl", '{"text": "a b", "spans": [[0, 1]], "labels": [null]}', "a.jsonl:1: the label of the span [0, 1]"),
        ("a.jsonl", '{"text": "a b", "spans": [[0, 9]], "labels": ["X"]}', "a.jsonl:1: the target (0, 9) is not in"),
        ("a.jsonl", '{"text": "a", "words": ["b"], "labels": ["X"]}', "a.jsonl:1: the target is not in its sentence"),
        (
            "a.jsonl",
            '{"text": "a", "spans": [[0, 1], [0, 1]], "labels": ["X"]}',
            "a.jsonl:1: 2 words (or spans), and 1",
        ),
        ("a.jsonl", '{"text": "a", "spans": [7], "labels": ["X"]}', "a.jsonl:1: 7 is no char span"),
        ("a.jsonl", "nonsense", "a.jsonl:1: this line is not JSON"),
        ("a.jsonl", '{"foo": 1}', "a.jsonl:1: '{\"foo\": 1}': this does not look like labelled data"),
        (
            "a.jsonl",
            '{"text1": "a", "span1": [0, 1], "text2": "b", "span2": [0, 1]}',
            "a.jsonl:1: the label is missing",
        ),
        ("a.jsonl", '{"text": "a", "span": [0, 1], "sense": ""}', "a.jsonl:1: the label is missing"),
        ("a.tsv", "context1\tcontext2\tlabel\nno mark\tnone\tT\n", "a.tsv:2: the target is not in its sentence"),
        ("a.tsv", "context1\tcontext2\tlabel\n<word>a</word>\t<word>b</word>\t\n", "a.tsv:2: the label is missing"),
        ("a.tsv", "context1\tcontext2\n<word>a</word>\t<word>b</word>\n", "a.tsv:2: the label is missing"),
        ("a.tsv", "context1\tcontext2\tlabel\nonly one\n", "a.tsv:2: 1 column where the first line names 3"),
        ("a.tsv", "word1\tword2\tscore\na\tb\tmuch\n", "a.tsv:2: score is 'much', which is no number"),
        ("a.tsv", "word1\tword2\tscore\na\t\t1\n", "a.tsv:2: the column 'word2' is empty"),
        ("a.tsv", "word1\tword2\na\tb\n", "a.tsv:2: the label is missing"),
        ("a.tsv", "a\ta\tNN\ta%1:01:00::\ne\tf\n", "a.tsv:2: expected token, lemma, part of speech and sense"),
        ("a.tsv", "word1\tword2\tpos\tconc\na\tb\tN\t3\n", "a.tsv:2: the label is missing"),
        ("a.csv", 'word1,word2,score\na,"b,3\n', "a.csv:2: this line of a table with commas cannot be read"),
        ("a.tsv", "identifier1\tidentifier2\tjudgment\n", "give the folder that all its parts are in"),
        ("a.tsv", "text\tlabel\nI like it\tgood\n", "a.tsv:1: 'text\\tlabel': this does not look like labelled data"),
        (
            "a.txt",
            "A river runs.\nThe bank of it.\n",
            "a.txt:1: 'A river runs.': this does not look like labelled data",
        ),
        ("a.json", "{" + "1, " * 40 + "}", "this does not look like labelled data"),
        ("a.txt", "word\n", "a.txt:1: 'word': this does not look like labelled data"),
    ],
)
def test_wrong_data_is_told_with_file_and_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    assert said in refused(write(tmp_path, name, text))


def test_a_target_outside_its_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, "a.data.txt", "bank\tN\t1-7\tthe bank\ta bank\n")
    write(tmp_path, "a.gold.txt", "T\n")
    assert "a.data.txt:1: the target is not in its sentence: there is no token '7' among 2" in refused(path)
    write(tmp_path, "a.gold.txt", "T\nF\n")
    assert "a.gold.txt:2: nothing belongs to this line: " in refused(path)


def test_one_answer_only(tmp_path: Path) -> None:
    path = write(tmp_path, "a.conll", "a\tO\nb\tO\n\n" * 10)
    assert "a.conll:1: from here on all 20 items of the data have the one answer 'O'" in refused(path)
    other = write(tmp_path, "b.conll", COLUMNS)
    assert "all 20 items of the test data" in refused({"train": other, "test": path})


def test_splits_that_overlap(tmp_path: Path) -> None:
    train = write(tmp_path, "train.conll", COLUMNS + "\nshe\tO\nsings\tX\n\n" + COLUMNS.replace("Anna", "Bert"))
    test = write(tmp_path, "test.conll", "she\tO\nsings\tX\n\n" + COLUMNS.replace("Anna", "Carl"))
    paths: dict[Split | None, str | Path] = {"train": train, "test": test}
    message = refused(paths)
    assert "train.conll:22: this item of the train data is in the test data too" in message
    assert "test.conll:1" in message
    assert "drop_overlap=True" in message
    task = read_task(paths, DataOptions(drop_overlap=True))
    assert task.skipped == {"in two splits": 2}
    assert [item.split for item in task.items].count("test") == 18


def test_a_judgment_of_a_usage_that_is_not_there(tmp_path: Path) -> None:
    folder = graphs(tmp_path)
    judgments = folder / "data" / "leg" / "judgments.tsv"
    judgments.write_text(judgments.read_text().replace("leg7", "leg9"))
    assert "judgments.tsv:6: there is no usage 'leg9'" in refused(folder)


def test_no_change_of_a_word(tmp_path: Path) -> None:
    folder = graphs(tmp_path)
    write(folder, "stats/opt/stats_groupings.tsv", "lemma\tchange_graded\narm\t0.25\n")
    assert "leg/uses.tsv:2: 'leg' has no change" in refused(folder, task="change")
    (folder / "stats/opt/stats_groupings.tsv").unlink()
    assert "there is no stats_groupings.csv or .tsv" in refused(folder, task="change")


def test_what_does_not_exist(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "no.tsv")
    assert "choose one of labels, senses, pairs" in refused(write(tmp_path, "a.conll", COLUMNS), task="nonsense")
    assert "looks like data for the task 'labels'" in refused(tmp_path / "a.conll", task="change")
    assert "no word has a label 'Case'" in refused(write(tmp_path, "a.conllu", CONLLU), label="Case")
    assert "give both earlier=... and later=" in refused(tmp_path / "a.conll", earlier=("x",))
    (tmp_path / "empty").mkdir()
    assert "this folder does not look like labelled data" in refused(tmp_path / "empty")


def test_a_limit_keeps_whole_sentences(tmp_path: Path) -> None:
    task = read(write(tmp_path, "a.conll", COLUMNS), limit=10)
    assert len(task.items) == 12
    assert task.skipped == {"beyond the limit": 4}
    assert len(task.usages.texts) == 3  # what is not scored is not read
    assert [item.place for item in task.items] == [item.place for item in read(tmp_path / "a.conll", limit=10).items]


def senses_of(counts: dict[tuple[str, str, str], int]) -> Task:
    """Make usages of words: (split, word, sense) -> how many; a sentence each."""
    items = [
        Item((0,), (), f"{word} {sense}", word, f"{split} {word} {sense} {n}", f"a:{n}", split or None)  # type: ignore[arg-type]
        for (split, word, sense), count in counts.items()
        for n in range(count)
    ]
    return Task("senses", UsageTable(["a"], [[(0, 1)]], [[0]], [(0, (0, 1))]), items)


def test_a_sample_of_senses_has_the_same_words_in_all_splits() -> None:
    words = [f"w{n}" for n in range(40)]
    counts = {(split, w, s): 30 for split in ("train", "test") for w in words for s in "xy"}
    task = limited(senses_of(counts), 200)
    of = {split: [item for item in task.items if item.split == split] for split in ("train", "test")}
    assert {item.word for item in of["train"]} == {item.word for item in of["test"]}
    assert len(of["train"]) == len(of["test"]) == 200
    assert len({item.word for item in of["test"]}) == 10
    assert limited(senses_of(counts), 200).items == task.items != limited(senses_of(counts), 200, seed=1).items


def test_a_sample_of_senses_is_taken_within_words_too() -> None:
    """Of three words, one of which is huge, each keeps all its senses, about as frequent as they are."""
    counts = {("", "huge", "x"): 6000, ("", "huge", "y"): 400, ("", "huge", "rare"): 2}
    counts |= {("", word, sense): 50 for word in ("small", "other") for sense in "xy"}
    task = limited(senses_of(counts), 300)
    found = Counter(str(item.gold) for item in task.items)
    assert found["huge rare"] == 2
    assert 90 <= found["huge x"] + found["huge y"] <= 110
    assert found["huge x"] > 8 * found["huge y"]
    assert 290 <= len(task.items) <= 310
    assert task.skipped == {"beyond the limit": 6602 - len(task.items)}
    alone = limited(senses_of({("", "bank", "x"): 4000, ("", "bank", "y"): 2421}), 300)
    assert Counter(str(item.gold) for item in alone.items) == {"bank x": 187, "bank y": 113}


def test_labelled_data_in_another_encoding_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "latin.tsv").write_bytes("café\tNN\n".encode("latin-1"))
    with pytest.raises(
        InputError, match=r"latin\.tsv:1: not valid utf-8 at byte offset 3 .*else convert it with iconv"
    ):
        read_task({None: tmp_path / "latin.tsv"}, DataOptions())
