"""`wordstates sweep`: scores equal to those by hand, reports, recipes to use, and how it ends."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from pyarrow import parquet
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

import by_hand
from cli_runner import files_in, run
from families import CORPUS, build
from wordstates import Recipe, WordEmbedder
from wordstates.errors import RecipeError
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.sweep.layers import read_layers
from wordstates.files.saved_recipe import read_recipe
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.text.words import unicode_words

SENTENCES = [text for language in ("en", "de", "fr", "fi") for text in CORPUS[language]]


def label(word: str) -> str:
    """Label a word by what stands in it: a probe finds some of it, not all."""
    return "MARK" if not word.isalnum() else "LONG" if len(word) > 5 else "THE" if word.lower()[0] in "td" else "WORD"


def words_of(text: str) -> list[str]:
    return [text[start:end] for start, end in unicode_words(text).tolist()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write words with labels, in three splits and in one file, and pairs with yes or no and with ratings."""
    parts = {"train": SENTENCES[:8], "dev": SENTENCES[8:11], "test": SENTENCES[11:]}
    for name, texts in {**parts, "all": SENTENCES}.items():
        lines = ["\n".join(f"{word}\t{label(word)}" for word in words_of(text)) for text in texts]
        (tmp_path / f"{name}.conll").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    pairs, rated = [], []
    for number, (text, other) in enumerate(zip(SENTENCES, [*SENTENCES[1:], SENTENCES[0]], strict=True)):
        for shift in range(3):
            first, second = (unicode_words(each).tolist()[shift + 1] for each in (text, other))
            same = len(text[slice(*first)]) == len(other[slice(*second)])
            pair = {"text1": text, "span1": first, "text2": other, "span2": second, "word": f"w{number}"}
            pairs.append({**pair, "label": "yes" if same else "no"})
            rated.append({**pair, "rating": abs(len(text) - len(other)) + shift / 10})
    for name, rows in (("pairs", pairs), ("rated", rated)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def found(folder: Path, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    done = run("sweep", *arguments, "--json", cwd=folder)
    assert (done.code, done.err) == (code, "")
    report: dict[str, Any] = json.loads(done.out)
    return report


def result_of(report: dict[str, Any], recipe: Recipe, post_processing: str = "none") -> dict[str, Any]:
    (match,) = [
        result
        for model in report["models"]
        for result in model["results"]
        if (result["recipe"], result["post_processing"]) == (recipe.to_dict(), post_processing)
    ]
    return match


def vectors_by_hand(text: str, spans: list[tuple[int, int]], layers: list[int], how: tuple[str, str]) -> np.ndarray:
    model, tokenizer = build("bert")
    rows = by_hand.vectors(model, tokenizer, text, spans, layers, *how)
    assert all(row is not None for row in rows)
    return np.stack([row.numpy() for row in rows if row is not None])


# ---------------------------------------------------------------- the same as by hand


def test_a_sample_of_senses_with_splits_is_scored_on_words_that_were_learnt(tmp_path: Path, bert: Path) -> None:
    """CoarseWSD-20's own splits: words drawn for each by itself were never trained on, and every recipe scored 0."""
    contexts = {
        "train": ("The {} of the river was steep.", "She owes the {} all of her money."),
        "test": ("The {} of the river was deep.", "She owes the {} much of her money."),
    }
    for word in ("bank", "mill", "trick", "key", "lake", "club", "spring", "crane"):
        (tmp_path / "data" / word).mkdir(parents=True)
        for split, times in (("train", 6), ("test", 2)):
            lines = [(text.format(word).split().index(word), text.format(word)) for text in contexts[split] * times]
            data, gold = (tmp_path / "data" / word / f"{split}.{kind}.txt" for kind in ("data", "gold"))
            data.write_text("".join(f"{index}\t{text}\n" for index, text in lines))
            gold.write_text("0\n1\n" * times)
    done = run("sweep", "data", "--limit", "24", "-m", bert, "--subword-poolings", "mean", "--json", cwd=tmp_path)
    assert done.code == 0
    (model,) = json.loads(done.out)["models"]
    assert min(next(iter(result["test"].values()))["score"] for result in model["results"]) > 0.5


@pytest.mark.parametrize(
    ("recipe", "layers", "how"),
    [
        (Recipe("2", "mean", "first"), [2], ("mean", "first")),
        (Recipe("-4:", "concat", "last"), [1, 2, 3, 4], ("concat", "last")),
        (Recipe("0:", "mean", "mean"), [0, 1, 2, 3, 4], ("mean", "mean")),
    ],
    ids=lambda value: value.name if isinstance(value, Recipe) else "",
)
def test_the_probe_is_scikit_learn_on_vectors_of_transformers(
    folder: Path, bert: Path, recipe: Recipe, layers: list[int], how: tuple[str, str]
) -> None:
    splits = ("--train", "train.conll", "--dev", "dev.conll", "--test", "test.conll")
    result = result_of(found(folder, *splits, "-m", bert), recipe)
    data = {}
    for name in ("train", "dev", "test"):
        vectors, labels = [], []
        for block in (folder / f"{name}.conll").read_text(encoding="utf-8").split("\n\n"):
            rows = [line.split("\t") for line in block.strip().splitlines()]
            text = " ".join(word for word, _ in rows)
            starts = np.cumsum([0, *(len(word) + 1 for word, _ in rows)]).tolist()
            spans = [(start, start + len(word)) for start, (word, _) in zip(starts, rows, strict=False)]
            vectors.append(vectors_by_hand(text, spans, layers, how))
            labels += [gold for _, gold in rows]
        data[name] = np.concatenate(vectors), np.array(labels)
    scaler = StandardScaler().fit(data["train"][0])
    scored = []
    for penalty in (0.001, 0.01, 0.1, 1.0):
        probe = LogisticRegression(C=penalty, max_iter=1000)
        probe.fit(scaler.transform(data["train"][0]), data["train"][1])
        dev, test = (probe.score(scaler.transform(data[name][0]), data[name][1]) for name in ("dev", "test"))
        if scored and dev < max(scored)[0]:
            break
        scored.append((dev, -penalty, test))
    dev, penalty, test = max(scored)
    assert result["notes"] == [{"C": -penalty}]
    assert result["dev"] == pytest.approx(dev, abs=1e-6)
    assert result["test"]["accuracy"]["score"] == pytest.approx(test, abs=1e-6)


def cosines_by_hand(rows: list[dict[str, Any]], normalise: bool) -> np.ndarray:
    sides = [
        np.concatenate(
            [vectors_by_hand(row[f"text{side}"], [tuple(row[f"span{side}"])], [3], ("mean", "last")) for row in rows]
        )
        for side in (1, 2)
    ]
    if normalise:
        both = np.unique(np.concatenate(sides), axis=0)
        sides = [(side - both.mean(axis=0)) / both.std(axis=0) for side in sides]
    left, right = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    cosines: np.ndarray = (left * right).sum(axis=1)
    return cosines


def test_pairs_are_scipy_and_scikit_learn_on_vectors_of_transformers(folder: Path, bert: Path) -> None:
    """Without a division, everything but the test file chooses; here both are one, so that all is standardised once."""
    recipe = Recipe("3", "mean", "last")
    for name, metric in (("pairs", "auc"), ("rated", "spearman")):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        half = len(rows) // 2
        for part, lines in (("a", rows[:half]), ("b", rows[half:])):
            (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
        report = found(folder, "--train", "a.jsonl", "--test", "b.jsonl", "-m", bert)
        plain = cosines_by_hand(rows, normalise=False)
        gold = [row.get("rating", row.get("label") == "yes") for row in rows]
        for key, part in (("dev", slice(half)), ("test", slice(half, None))):
            by = roc_auc_score(gold[part], plain[part]) if metric == "auc" else spearmanr(gold[part], plain[part])[0]
            result = result_of(report, recipe)
            score = result["dev"] if key == "dev" else result["test"][metric]["score"]
            assert score == pytest.approx(by, abs=1e-4)
        standardised = cosines_by_hand(rows[:half], normalise=True)
        by = (
            roc_auc_score(gold[:half], standardised)
            if metric == "auc"
            else spearmanr(gold[:half], standardised).statistic
        )
        assert result_of(report, recipe, "standardize")["dev"] == pytest.approx(by, abs=1e-4)


@pytest.mark.long
def test_a_run_is_repeated_to_the_last_digit(folder: Path, bert: Path) -> None:
    arguments = ("all.conll", "-m", bert, "--subword-poolings", "first")
    first, again, other = (found(folder, *arguments, *more) for more in ((), (), ("--seed", "3")))
    for report in (first, again, other):
        del report["seconds"]
        for model in report["models"]:
            del model["embedding_seconds"]
    assert first == again
    assert first["choice"] != other["choice"]


# ---------------------------------------------------------------- the choice is fair


@pytest.mark.long
def test_the_choice_is_made_on_development_data_and_scored_elsewhere(folder: Path, bert: Path) -> None:
    report = found(folder, "--train", "train.conll", "--dev", "dev.conll", "--test", "test.conll", "-m", bert)
    (model,) = report["models"]
    choice = report["choice"]
    (chosen,) = [result for result in model["results"] if result["name"] == choice["name"]]
    assert choice["recipe"] == chosen["recipe"] == report["recipe"]
    assert choice["held_out"]["accuracy"]["score"] == chosen["test"]["accuracy"]["score"]
    plain = [model["beside"][name] for name in ("last_layer", "last_four") if name in model["beside"]]
    is_plain = chosen["name"] in [result["name"] for result in plain]
    assert is_plain == (choice["sure"] is None or choice["sure"] < 0.2)
    counts = {name: len((folder / f"{name}.conll").read_text().split()) // 2 for name in ("train", "dev", "test")}
    assert report["items"] == counts
    assert report["scored"] == counts["test"]
    assert model["beside"]["best_in_hindsight"]["test"]["accuracy"]["score"] == max(
        result["test"]["accuracy"]["score"] for result in model["results"]
    )
    assert model["beside"]["last_layer"]["recipe"] == Recipe("4").to_dict()
    assert model["beside"]["last_four"]["recipe"] == Recipe("-4:").to_dict()
    assert sum(model["mix"]["weights"]) == pytest.approx(1, abs=1e-4)
    assert len(model["mix"]["weights"]) == 5
    for control in model["controls"]:
        assert control["selectivity"] == pytest.approx(control["accuracy"] - control["control"], abs=2e-6)
        assert control["control"] < control["accuracy"]


def test_words_without_a_vector_are_left_out_and_counted(folder: Path, bert: Path) -> None:
    rows = [json.loads(line) for line in (folder / "rated.jsonl").read_text(encoding="utf-8").splitlines()]
    lost = {**rows[0], "text1": "x \u200b\u200b y", "span1": [2, 4]}
    whole = found(folder, "rated.jsonl", "-m", bert)
    (folder / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, lost]), encoding="utf-8")
    report = found(folder, "more.jsonl", "-m", bert)
    assert report["missing"] == {"usages": 1, "items": 1}
    assert report["scored"] == whole["scored"] == len(rows)
    assert report["choice"] == whole["choice"]


# ---------------------------------------------------------------- several models


@pytest.mark.long
def test_several_models_and_one_with_random_weights(folder: Path, bert: Path, models: Path) -> None:
    report = found(folder, "rated.jsonl", "-m", bert, "-m", models / "gpt2", "-m", "random")
    names = [str(bert), str(models / "gpt2"), f"random:{bert}"]
    assert [model["model"] for model in report["models"]] == names
    choice = report["choice"]
    (taken,) = [model for model in report["models"] if model["model"] == choice["model"]]
    (result,) = [result for result in taken["results"] if result["name"] == choice["name"]]
    assert (choice["recipe"], choice["dev"]) == (result["recipe"], result["dev"])
    values = np.array(report["cka"]["values"])
    assert values.shape == (15, 15)
    np.testing.assert_allclose(np.diag(values), 1)
    np.testing.assert_allclose(values, values.T)
    assert report["models"][0]["results"][0]["test"] != report["models"][2]["results"][0]["test"]
    assert report["models"][2]["provenance"]["weights"] != report["models"][0]["provenance"]["weights"]


# ---------------------------------------------------------------- what it leaves behind


@pytest.mark.long
def test_the_table_and_the_lines_to_paste(folder: Path, bert: Path) -> None:
    done = run("sweep", "all.conll", "-m", bert, "-o", "report.html", "--save-recipe", "recipe.json", cwd=folder)
    assert done.code == 0, done.err
    assert done.err == "wrote           report.html\nwrote           recipe.json\n"
    lines = done.out.splitlines()
    assert lines[0] == "task            labelled words (labels)"
    assert re.search(r"^layer 4, mean +\d\.\d{3}  \d\.\d{3} \(\d\.\d{3} to \d\.\d{3}\).*last layer", done.out, re.M)
    assert "selectivity" in done.out
    assert re.search(r"^-?\d:\d? means layers \d, ", done.out, re.M)
    assert re.search(r"^read as +a word and its label in a line \(its lines have 2 columns", done.out, re.M)
    python = next(line for line in lines if line.startswith("python")).removeprefix("python").strip()
    command = next(line for line in lines if line.startswith("command")).removeprefix("command").strip()
    recipe = Recipe.from_json((folder / "recipe.json").read_text(encoding="utf-8"))
    (folder / "text.txt").write_text("The river runs.\n", encoding="utf-8")
    embedder = eval(python, {"WordEmbedder": WordEmbedder})
    assert embedder.recipes[0].to_dict() == recipe.to_dict()
    pasted = command.replace("INPUT", "text.txt").replace("OUT.parquet", "a.npz").split()[1:]
    assert run(*pasted, cwd=folder).code == 0
    given = run("embed", "text.txt", "-m", bert, "-o", "b.npz", "--recipe", "recipe.json", cwd=folder)
    assert given.code == 0
    first, second = (np.load(folder / name) for name in ("a.npz", "b.npz"))
    np.testing.assert_array_equal(first["vector"], second["vector"])


@pytest.mark.parametrize("splits", [True, False])
def test_the_saved_recipe_gives_the_vectors_that_were_scored(folder: Path, bert: Path, splits: bool) -> None:
    """Post-processing is fitted as for the scores: on the training data; without splits, on all items."""
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, part in (("a", rows[:30]), ("b", rows[30:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    given = ("--train", "a.jsonl", "--test", "b.jsonl") if splits else ("pairs.jsonl",)
    how = ("--post-process", "standardize", "--subword-poolings", "first", "-m", bert)
    done = run("sweep", *given, *how, "--save-recipe", "saved.json", cwd=folder)
    assert (done.code, done.err) == (0, "wrote           saved.json\nwrote           saved.post.safetensors\n")
    assert f"wordstates embed INPUT -o OUT.parquet -m {bert} --recipe saved.json" in done.out
    (folder / "texts.txt").write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    done = run("embed", "texts.txt", "-m", bert, "-o", "found.parquet", "--recipe", "saved.json", cwd=folder)
    assert done.code == 0, done.err
    stored = parquet.read_table(folder / "found.parquet").to_pylist()
    found = {(row["document"], row["start"], row["end"]): row["vector"] for row in stored}

    task = read_task({None: folder / "pairs.jsonl"}, DataOptions())
    learnt = read_task({None: folder / "a.jsonl"}, DataOptions()) if splits else task
    recipe, post = read_recipe(str(folder / "saved.json"))
    assert post is not None
    plain = [
        read_layers(lambda recipes: WordEmbedder(bert, recipes=recipes), each.usages, ["first"]).of(recipe)
        for each in (task, learnt)
    ]
    scored = PostProcessing.fit("standardize", [plain[1]]).apply(plain[0])
    lines = {text: f"texts.txt:{number + 1}" for number, text in enumerate(SENTENCES)}
    for (text, (start, end)), vector in zip(task.usages.places, scored, strict=True):
        np.testing.assert_allclose(found[lines[task.usages.texts[text]], start, end], vector, atol=1e-5)


def test_a_saved_recipe_without_its_post_processing_is_refused(folder: Path, bert: Path) -> None:
    (folder / "text.txt").write_text("The river runs.\n", encoding="utf-8")
    given = ("sweep", "rated.jsonl", "-m", bert, "--post-process", "center", "--save-recipe", "a.json", "-q")
    assert run(*given, cwd=folder).code == 0
    assert run(*given, cwd=folder).err.startswith("wordstates: 'a.json' exists: choose another name")
    embed = ("embed", "text.txt", "-m", bert, "-o", "out.npz", "--recipe", "a.json")
    both = run(*embed, "--post-process", "a.post.safetensors", cwd=folder)
    assert (both.code, "was saved with post-processing of its own" in both.err) == (2, True)
    fit = run("fit", "unit", "text.txt", "-m", bert, "-o", "b.safetensors", "--recipe", "a.json", cwd=folder)
    assert (fit.code, "was saved with post-processing of its own" in fit.err) == (2, True)
    (folder / "a.post.safetensors").rename(folder / "away.safetensors")
    gone = run(*embed, cwd=folder)
    assert gone.code == 2
    assert "has post-processing (center), which is in 'a.post.safetensors': keep the two files together" in gone.err
    fitted = PostProcessing.load(folder / "away.safetensors")
    replace(fitted, mean=fitted.mean + 1).save(folder / "a.post.safetensors")  # type: ignore[operator]
    assert "was saved with other post-processing than" in run(*embed, cwd=folder).err
    with pytest.raises(RecipeError, match="is no part of a Recipe: leave it out"):
        Recipe.from_json((folder / "a.json").read_text(encoding="utf-8"))
    assert "out.npz" not in files_in(folder)


@pytest.mark.long
def test_the_report_is_one_page_that_loads_nothing(folder: Path, bert: Path) -> None:
    for number in range(2):
        name = f"report{number}.html"
        done = run("sweep", folder / "pairs.jsonl", "-m", bert, "-m", "random", "-o", name, "-q", cwd=folder)
        assert (done.code, done.out, done.err) == (0, "", "")
    page = (folder / "report0.html").read_text(encoding="utf-8")
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    drawn = tree.findall(".//{http://www.w3.org/2000/svg}svg")
    assert "<title>Which recipe for pairs.jsonl</title>" in page
    assert "<h1>Which recipe for pairs.jsonl</h1>" in page
    assert f"<h2>{bert.name}</h2>" in page
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page
    assert "#000000" not in "".join(page.split("<svg")[1:])  # what stands on the page has the colour of its text
    assert len(drawn) == 4  # by layer, one for each model, likeness
    assert all(len(list(plot.iter())) > 50 for plot in drawn)
    rows = tree.findall("body/details/div/table//tr")
    assert len(rows) == 2 * (1 + len(found(folder, "pairs.jsonl", "-m", bert)["models"][0]["results"]))
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert not re.search(r"url\((?!#)|@import|<script|<link", page)
    ids = re.findall(r"\bid=[\"']([^\"']+)", page)
    assert len(ids) == len(set(ids))
    without_times = [
        re.sub(r"[\d.]+ seconds reading, [\d.]+ scoring", "", (folder / f"report{number}.html").read_text())
        for number in range(2)
    ]
    assert without_times[0] == without_times[1]


def test_quiet_still_gives_the_result_where_no_file_has_it(folder: Path, bert: Path) -> None:
    arguments = ("sweep", "rated.jsonl", "-m", bert, "--subword-poolings", "mean", "--post-process", "none", "-q")
    done = run(*arguments, cwd=folder, terminal=True)
    assert (done.code, done.err) == (0, "")
    assert re.search("^choice ", done.out, re.M)
    assert run(*arguments, "--save-recipe", "a.json", cwd=folder).out == ""


@pytest.mark.parametrize(
    "command", [("sweep", "rated.jsonl", "-o"), ("geometry", "rated.jsonl", "-o"), ("explore", "x", "--export")]
)
def test_a_page_is_called_one(folder: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "report.json", cwd=folder)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("wordstates: 'report.json' would hold a page for a browser: give it a name that ends")


def test_progress_is_for_terminals(folder: Path, bert: Path) -> None:
    arguments = ("sweep", "rated.jsonl", "-m", bert, "--subword-poolings", "mean", "--post-process", "none")
    assert run(*arguments, cwd=folder).err == ""
    err = run(*arguments, cwd=folder, terminal=True).err
    assert err.lstrip("\r").startswith("loading model ...")
    assert re.search(r"embedding: 100%.* [\d,]+ usages", err)
    assert re.search(r"scoring: 100%.* \d+ recipes", err)
    closed = re.findall(r"\r(\w+): 100%([^\r\n]*)", err)  # as they stand on the terminal in the end
    assert sorted(name for name, _ in closed) == ["embedding", "scoring"]
    assert " left" not in "".join(rest for _, rest in closed)


# ---------------------------------------------------------------- how it ends


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "There is no DATA"),
        (("all.conll", "--train", "train.conll"), 2, "are the same: give one of them"),
        (("--test", "test.conll"), 2, "The score is reported on --test"),
        (("train.conll", "--dev", "dev.conll"), 2, "The score is reported on --test"),
        (("all.conll", "--task", "nonsense"), 2, "'nonsense' is not one of 'labels', 'senses'"),
        (("all.conll", "--post-process", "none,whiter"), 2, "Step 'whiter' does not exist: choose from center"),
        (("all.conll", "--subword-poolings", "mean,none"), 2, "'none' is not one of 'mean', 'first'"),
        (("no.conll",), 1, "'no.conll' does not exist"),
        (("all.conll", "-m", "random"), 1, "name that too, or write random:NAME"),
        (("all.conll", "-m", "minilm", "-m", "minilm"), 1, "named once each, and minilm more often"),
        (("all.conll", "--metric", "auc"), 1, "choose accuracy or macro_f1"),
        (("all.conll", "--folds", "60"), 1, "all.conll:1: 60 parts need as many groups"),
        (("all.conll", "--test", "test.conll"), 1, "is in the test data too"),
        (("all.conll", "-o", "train.conll"), 1, "exists: choose another name, or pass --overwrite"),
    ],
)
def test_what_is_wrong_is_told_before_a_model_is_loaded(
    folder: Path, arguments: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordstates.evaluate.sweep.models.WordEmbedder", None)
    before = files_in(folder)
    done = run("sweep", *arguments, cwd=folder)
    assert done.code == code
    assert said in done.err
    assert files_in(folder) == before


@pytest.mark.parametrize(("library", "purpose"), [("sklearn", "a sweep"), ("matplotlib", "a report with plots")])
def test_a_missing_extra_is_named_before_a_model_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, library: str, purpose: str
) -> None:
    monkeypatch.setattr("wordstates.evaluate.sweep.models.WordEmbedder", None)
    monkeypatch.setitem(sys.modules, library, None)
    done = run("sweep", "all.conll", "-o", "report.html", cwd=folder)
    assert done.code == 1
    assert done.err == (
        f'wordstates: {purpose} needs an extra that is not installed: pip install "wordstates[evaluate]"\n'
    )


def test_change_between_two_corpora(folder: Path, bert: Path) -> None:
    words = ["river", "bank", "mill", "money", "lake", "war", "name", "singer", "songs", "water", "news", "village"]
    (folder / "targets.tsv").write_text("".join(f"{word}\t{n % 5}\n" for n, word in enumerate(words)))
    (folder / "early.txt").write_text("".join(f"The old {word}, a {word} of {n}.\n" for n, word in enumerate(words)))
    (folder / "late.txt").write_text("".join(f"We saw the {word} in {n}.\n" for n, word in enumerate(words)))
    report = found(folder, "targets.tsv", "--earlier", "early.txt", "--later", "late.txt", "-m", bert)
    assert (report["task"], report["metrics"], report["scored"]) == ("change", ["apd", "prototype"], 12)
    turned = found(
        folder, "targets.tsv", "--earlier", "late.txt", "--later", "early.txt", "-m", bert, "--metric", "prototype"
    )
    assert turned["metrics"] == ["prototype", "apd"]
    recipe = Recipe("2", "mean", "last")
    scores = [result_of(each, recipe)["test"]["apd"]["score"] for each in (report, turned)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
