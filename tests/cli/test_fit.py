"""`wordstates fit`, and `--post-process` of the commands that take its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli_runner import SENTENCES, Result, files_in, masked, run
from wordstates import PostProcessing, Recipe, WordEmbedder
from wordstates.files.describe import read_provenance
from wordstates.store.store import open_store

LAYER_2 = Recipe(2, subword_pooling="first", name="two")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("".join(f"{sentence}\n" for sentence in SENTENCES), encoding="utf-8")
    return tmp_path


@pytest.fixture
def fitted(folder: Path, bert: Path) -> Path:
    """A folder with texts and what was fitted on them."""
    done = fit(folder, bert, "standardize+pca:4", "--recipe", LAYER_2.to_json(), "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    return folder


def fit(folder: Path, model: Path, steps: str, *options: str) -> Result:
    return run("fit", steps, "texts.txt", "-m", model, "-o", "post.safetensors", *options, cwd=folder)


def expected(bert: Path) -> np.ndarray:
    """The vectors as scikit-learn's equal in Python would make them: fitted and applied by hand."""
    vectors = WordEmbedder(bert, recipes=[LAYER_2]).encode(list(SENTENCES)).vectors
    scaled = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    found: np.ndarray = scaled @ np.linalg.svd(scaled, full_matrices=False)[2][:4].T
    return np.abs(found)


def vectors_in(path: Path) -> np.ndarray:
    (column,) = [name for name in pq.read_schema(path).names if name.startswith("vector")]
    return np.array(pq.read_table(path)[column].to_pylist())


def test_a_fit_says_what_it_did(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    done = fit(folder, bert, "center+whiten+unit")
    assert (done.code, done.out) == (1, "")  # three sentences are too few for a covariance of 32 dimensions
    assert "Step 'whiten' needs 33 vectors of 32 dimensions or more, got 19." in done.err
    assert files_in(folder) == ["texts.txt"]
    done = fit(folder, bert, "center + pca:4 + unit")
    assert (done.code, done.out) == (0, "")
    emb = embedder.encode(list(SENTENCES))
    assert masked(done.err) == (
        "texts           3\n"
        f"words           {len(emb.words)}\n"
        "statuses        ok 18, unknown 1\n"
        "recipe          -1.mean.mean\n"
        "steps           center + pca:4 + unit\n"
        f"fitted on       {len(emb.words)} vectors\n"
        "dimensions      32 -> 4\n"
        "seconds         #\n"
        "bytes           #\n"
        "engine          torch\n"
        "wrote           post.safetensors\n"
    )
    post = PostProcessing.load(folder / "post.safetensors")
    assert post.provenance == json.loads(json.dumps(embedder.provenance))
    assert post.rows == len(emb.words)
    again = fit(folder, bert, "center")
    assert (again.code, again.err) == (
        1,
        "wordstates: 'post.safetensors' exists: choose another name, or pass --overwrite to replace it.\n",
    )
    report = json.loads(fit(folder, bert, "center", "--overwrite", "--json", "--max-words", "9").out)
    assert (report["words"], report["vectors"], report["steps"]) == (9, 9, ["center"])
    assert report["fingerprint"] == PostProcessing.load(folder / "post.safetensors").fingerprint()
    assert files_in(folder) == ["post.safetensors", "texts.txt"]


def test_info_says_what_is_in_the_file(fitted: Path) -> None:
    done = run("info", "post.safetensors", cwd=fitted)
    lines = done.out.splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["format", "post-processing"],
        ["steps", "standardize;", "pca:4"],
        ["dim_in", "32"],
    ]
    assert "name two, layers 2, layer_pooling mean, subword_pooling first, layer_numbers 2" in done.out
    data = json.loads(run("info", "post.safetensors", "--json", cwd=fitted).out)
    assert (data["dim_out"], data["provenance"]["model"].endswith("bert")) == (4, True)


def test_embed_takes_it_with_its_recipe(fitted: Path, bert: Path) -> None:
    given = ["embed", "texts.txt", "-m", bert, "--post-process", "post.safetensors", "-q", "-o"]
    for output, more in (("a.parquet", []), ("b.parquet", ["--recipe", LAYER_2.to_json()])):
        done = run(*given, output, *more, cwd=fitted)
        assert (done.code, done.out, done.err) == (0, "", "")
        np.testing.assert_allclose(np.abs(vectors_in(fitted / output)), expected(bert), atol=1e-3)
        provenance = read_provenance(fitted / output)
        post = PostProcessing.load(fitted / "post.safetensors")
        assert provenance["post_processing"] == {"two": post.to_dict()}
    assert "post_processing" in run("info", "a.parquet", cwd=fitted).out
    dry = json.loads(run(*given, "c.parquet", "--dry-run", "--json", cwd=fitted).out)
    assert dry["bytes"] == dry["words"] * (4 * 4 + 12)


def test_find_and_static_take_it(fitted: Path, bert: Path) -> None:
    given = ["-m", bert, "--post-process", "post.safetensors", "-q", "-o"]
    words = WordEmbedder(bert).encode(list(SENTENCES)).words
    done = run("find", "the", "texts.txt", *given, "the.parquet", cwd=fitted)
    assert (done.code, done.err) == (0, "")
    the = expected(bert)[[index for index, word in enumerate(words) if word.lower() == "the"]]
    np.testing.assert_allclose(np.abs(vectors_in(fitted / "the.parquet")), the, atol=1e-3)
    done = run("embed", "texts.txt", *given, "words.parquet", cwd=fitted)
    done = run("static", "texts.txt", *given, "static.parquet", "--lowercase", cwd=fitted)
    assert (done.code, done.err) == (0, "")
    row = pq.read_table(fitted / "static.parquet").to_pylist()[0]
    places = [index for index, word in enumerate(words) if word.lower() == "the"]
    assert (row["word"], row["usages"]) == ("the", len(places))
    np.testing.assert_allclose(row["vector"], vectors_in(fitted / "words.parquet")[places].mean(axis=0), atol=1e-5)


@pytest.mark.long
def test_a_store_is_made_with_it_and_goes_on_with_no_other(fitted: Path, bert: Path) -> None:
    given = ["embed", "texts.txt", "-m", bert, "-o", "store/", "-q", "--shard-characters", "20"]
    ours = [*given, "--post-process", "post.safetensors"]
    assert run(*ours, "--shard", "0/2", cwd=fitted).code == 0
    assert fit(fitted, bert, "center", "--recipe", LAYER_2.to_json(), "-q", "--overwrite").code == 0
    for other in (ours, [*given, "--recipe", LAYER_2.to_json()]):
        done = run(*other, cwd=fitted)
        assert done.code == 1
        assert "was begun with other settings: post_processing: " in done.err
    again = ["--recipe", LAYER_2.to_json(), "-q", "--overwrite"]
    assert fit(fitted, bert, "standardize+pca:4", *again).code == 0
    done = run(*ours, "--workers", "2", cwd=fitted)
    assert (done.code, done.err) == (0, "")
    store = open_store(fitted / "store")
    assert store.complete
    vectors = np.concatenate([vectors_in(path) for path in store.shards])
    np.testing.assert_allclose(np.abs(vectors), expected(bert), atol=1e-3)
    assert store.provenance["post_processing"] == {"two": PostProcessing.load(fitted / "post.safetensors").to_dict()}


def test_several_files_are_several_recipes(fitted: Path, bert: Path) -> None:
    assert run("fit", "center", "texts.txt", "-m", bert, "-o", "last.safetensors", "-q", cwd=fitted).code == 0
    both = ["--post-process", "post.safetensors", "--post-process", "last.safetensors"]
    done = run("embed", "texts.txt", "-m", bert, "-o", "both.npz", "-q", *both, cwd=fitted)
    assert (done.code, done.err) == (0, "")
    with np.load(fitted / "both.npz") as arrays:
        shapes = {name: arrays[name].shape[1] for name in arrays.files if name.startswith("vector")}
    assert sorted(shapes.values()) == [4, 32]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("fit bad texts.txt -o x.safetensors", 2, "Step 'bad' does not exist: choose from center"),
        ("fit pca:99 texts.txt -o x.safetensors", 1, "Step 'pca:99' is too much for vectors of 32 dimensions"),
        ("fit center texts.txt -o x.npz", 1, "post-processing is kept as safetensors: name it x.safetensors."),
        ("fit center texts.txt -o no/x.safetensors", 1, "The folder of 'no/x.safetensors' does not exist"),
        ("fit center none.txt -o x.safetensors", 1, "'none.txt' does not exist"),
        ("fit center texts.txt -o x.safetensors --layers 0: --layer-pooling none", 2, "keeps a layer axis"),
        ("fit center texts.txt -o x.safetensors --post-process post.safetensors", 2, "--post-process is for other"),
        ("embed texts.txt -o x.npz --post-process none.safetensors", 2, "is not a file: make one with"),
        ("embed texts.txt -o x.npz --post-process texts.txt", 2, "it is broken"),
        ("embed texts.txt -o x.npz --post-process post.safetensors --layers 1", 2, "was fitted with recipe 'two'"),
        ("embed texts.txt -o x/ --post-process post.safetensors --layers 1", 2, "was fitted with recipe 'two'"),
        ("find the texts.txt -o x.npz --post-process post.safetensors -m {other}", 2, "fitted on other vectors"),
        ("static texts.txt -o x.txt --post-process post.safetensors --layers 1", 2, "was fitted with recipe 'two'"),
    ],
)
def test_what_cannot_be(fitted: Path, models: Path, arguments: str, code: int, message: str) -> None:
    given = arguments.split()
    model = [] if "-m" in given else ["-m", str(models / "bert")]
    done = run(*[part.format(other=models / "gpt2") for part in given], *model, cwd=fitted)
    assert done.code == code, done.err
    plain = " ".join(done.err.replace("│", " ").split())
    assert message in plain
    assert not [name for name in files_in(fitted) if name.startswith("x")]


def test_a_fit_for_several_recipes_is_refused(folder: Path, bert: Path) -> None:
    recipes = [text for layer in ("1", "2") for text in ("--recipe", Recipe(layer).to_json())]
    done = fit(folder, bert, "center", *recipes)
    assert (done.code, done.err) == (
        2,
        "wordstates: Post-processing is fitted for one recipe, and there are 2: run `wordstates fit` for each.\n",
    )
