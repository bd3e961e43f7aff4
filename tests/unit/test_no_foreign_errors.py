"""Whatever raises inside, what comes out is of the tree of errors, with its cause; no command ends in a traceback."""

from __future__ import annotations

import copy
import gzip
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jaxtyping import TypeCheckError

import wordstates
from cli_runner import run
from families import build
from usage_files import write_file
from wordstates import (
    Document,
    PostProcessing,
    StaticVectors,
    StoreDataset,
    UsageIndex,
    WordEmbedder,
    build_index,
    collate,
    embed_corpus,
    load,
    open_store,
    read_documents,
)
from wordstates.cli import app
from wordstates.errors import ArgumentError, InputError, ModelError, UnexpectedError, WordstatesError
from wordstates.model import forked

SOURCE = str(Path(wordstates.__file__).parent)
# remade.py only keeps the arguments, before anything could turn its errors into ours.
NOT_INSIDE = (f"{SOURCE}/errors.py", f"{SOURCE}/__init__.py", f"{SOURCE}/encode/remade.py")


class StrangeError(Exception):
    """Of no tree that anybody knows."""


class PanicError(BaseException):
    """As Rust panics."""


def is_inside(code: CodeType) -> bool:
    return (
        code.co_filename.startswith(SOURCE)
        and not code.co_filename.startswith(NOT_INSIDE)
        and not code.co_name.startswith("<")
    )


def watched(act: Callable[[], object], at_call: Callable[[CodeType], None]) -> None:
    """Do something, and be told of every call of a function of ours, in whatever thread."""

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and is_inside(frame.f_code):
            at_call(frame.f_code)

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


def read_with(embedder: WordEmbedder) -> None:
    """Embed, submit, find and plan, with threads that are watched from their start."""
    embedder._reader._threads.clear()
    texts = ["The old mill near the lake. " * 2, "A lake."]
    embedder.encode(texts, on_progress=lambda _: None)
    embedder.submit([["old", "mill"]]).result()
    embedder.find(texts, ["old mill"])
    embedder.plan(texts)
    embedder.session().encode(texts)


@pytest.mark.long
@pytest.mark.parametrize("acting", ["loading", "reading"])
def test_every_function_inside_may_raise(acting: str) -> None:
    """The oracle is Python's own tracing: each function that a call goes through raises once, as it is entered."""
    model, tokenizer = build("bert")
    model = copy.deepcopy(model)

    def load() -> WordEmbedder:
        return WordEmbedder(model, tokenizer, layers="-2:", window=16)

    embedder = load()
    let_every_call_raise(load if acting == "loading" else lambda: read_with(embedder), least=40)
    with ThreadPoolExecutor(1) as another:  # a lock left closed would let this thread in, and no other, for ever
        assert [lock for lock in forked._locks if not another.submit(is_open, lock).result()] == []


def let_every_call_raise(act: Callable[[], object], *, least: int) -> None:
    """Do something once for each function of ours that it goes through, and have that raise: only our errors come out.

    Args:
        act: What is done.
        least: So many functions it goes through, or nothing would be shown.
    """
    seen: dict[CodeType, None] = {}
    watched(act, lambda code: seen.setdefault(code))
    assert len(seen) >= least
    escaped, silent = [], []
    for number, target in enumerate(seen):
        strange = (StrangeError, KeyError, PanicError)[number % 3]
        raised: list[BaseException] = []

        def at_call(code: CodeType, target: CodeType = target, strange: Any = strange, raised: Any = raised) -> None:
            if code is target and not raised:
                raised.append(strange("on purpose"))
                raise raised[0]

        try:
            watched(act, at_call)
        except WordstatesError as error:
            # The types under test look at properties of protocols too, and keep what those raise to themselves.
            if not any(cause in raised or isinstance(cause, TypeCheckError) for cause in causes_of(error)):
                silent.append((target.co_qualname, repr(error)))
            let_go(error)
        except BaseException as error:
            escaped.append((target.co_qualname, repr(error)))
            let_go(error)
    assert escaped == []
    assert silent == []


def is_open(lock: forked.ForkLock) -> bool:
    taken = lock._lock.acquire(blocking=False)
    if taken:
        lock._lock.release()
    return taken


def let_go(error: BaseException) -> None:
    """Have generators that an error holds end now, and not while the next function is to raise."""
    for each in causes_of(error):
        each.__traceback__ = None


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of every kind that the library reads."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "a.txt").write_text("A mill.\n\nA lake.\n")
    (folder / "a.csv").write_text("text,id\nA mill.,1\n")
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "A mill."}\n'))
    (folder / "a.conllu").write_text("# sent_id = 1\n1\tA\ta\tDET\t_\t_\t0\troot\t_\t_\n\n")
    pq.write_table(pa.table({"text": ["A mill."]}), folder / "a.parquet")
    write_file(folder / "usages.parquet", [[1.0, 0.0], [0.0, 2.0], None, [3.0, 1.0]])
    embedder = WordEmbedder(*build("bert"))
    embed_corpus([Document("a", "A mill near the lake."), Document("b", "A lake.")], folder / "store", embedder)
    embedder.encode(["A mill.", "A lake."]).save(folder / "embeddings.parquet")
    return folder


def read_files(folder: Path) -> None:
    for name in ("a.txt", "a.csv", "a.jsonl.gz", "a.parquet", "a.conllu"):
        assert list(read_documents([folder / name], metadata_from_name="{name}"))


def keep_embeddings(folder: Path) -> None:
    words = load(folder / "embeddings.parquet")
    for ending in ("npz", "safetensors", "jsonl"):
        path = folder / f"kept.{ending}"
        words.save(path, overwrite=True)
        load(path)
    words.to_spreadsheet(folder / "kept.csv", overwrite=True)
    words.by_text()


def read_a_store(folder: Path) -> None:
    store = open_store(folder / "store")
    assert store.complete
    assert [*store.tables(["word"]), *store, *store.records(), *store.open_shards()]
    assert store.verify().problems == []
    store.describe()
    store.check()


def search(folder: Path) -> None:
    build_index(folder / "usages.parquet", steps="center", overwrite=True)
    index = UsageIndex(folder / "usages.parquet")
    assert [*index.near(0), *index.near(np.ones(2)), index[0], *index.usages(index.numbers(["word=bank"]))]
    index.check_files()
    index.where(word="bank")
    index.recipe()


def make_static(folder: Path) -> None:
    made = StaticVectors.from_embeddings(load(folder / "embeddings.parquet"))
    for ending in ("txt", "parquet", "safetensors"):
        made.save(folder / f"static.{ending}", overwrite=True)
    assert (
        StaticVectors.load(folder / "static.parquet").words == StaticVectors.load(folder / "static.safetensors").words
    )
    made["mill"]
    made.to_arrow()


def post_process(folder: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    PostProcessing.fit("whiten+unit", [rows]).save(folder / "post.safetensors", overwrite=True)
    PostProcessing.load(folder / "post.safetensors").apply(rows)


def feed_a_network(folder: Path) -> None:
    data = StoreDataset(folder / "store", labels={"a": 0, "b": 1})
    collate([data[number] for number in data.sampler()])


DOORS: dict[str, tuple[Callable[[Path], None], int]] = {
    "files": (read_files, 40),
    "embeddings": (keep_embeddings, 30),
    "store": (read_a_store, 20),
    "index": (search, 40),
    "static": (make_static, 20),
    "post-processing": (post_process, 15),
    "dataset": (feed_a_network, 20),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_function_behind_the_other_doors_may_raise(door: str, written: Path) -> None:
    act, least = DOORS[door]
    let_every_call_raise(lambda: act(written), least=least)
    assert [path for path in written.rglob("*") if "partial" in path.name] == []


# These hold what they are given, or compute with it and say what is wrong with it; they open nothing.
NO_DOORS = {"Document", "Moments", "RayCluster", "Recipe", "Usage", "Usages", "WordEmbeddings", "WordPooling"}
NO_DOORS |= {"WordVectorizer", "WordstatesError", "connect", "errors", "set_threads"}  # and what a door is behind


def test_every_public_name_is_a_door() -> None:
    for name in sorted(set(wordstates.__all__) - NO_DOORS):
        public = getattr(wordstates, name)
        entrance = public.__init__ if isinstance(public, type) else public
        assert entrance.__code__.co_filename == wordstates.errors.__file__, name


def test_a_call_that_does_not_fit_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"load\(\) missing 1 required positional argument: 'path'; its arguments"):
        load()  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match=r"no argument 'text_colum': write text_column=\.\.\."):
        read_documents([], text_colum="text")  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match="takes 1 positional argument but 2 were given"):
        UsageIndex.check_files(*"ab")  # type: ignore[call-arg, arg-type]


def test_an_argument_of_another_type_is_told(written: Path) -> None:
    wrong: dict[str, Callable[[], object]] = {
        "path=3 is of type int: give str or Path": lambda: load(3),  # type: ignore[arg-type]
        "path=None is of type NoneType: give str or Path": lambda: open_store(None),  # type: ignore[arg-type]
        "max_text='a' is of type str: give int": lambda: read_documents([written], max_text="a"),  # type: ignore[arg-type]
        "row_groups='a' is of type str": lambda: StoreDataset(written / "store", row_groups="a"),  # type: ignore[arg-type]
        "are a stream of arrays": lambda: PostProcessing.fit("center", 3),  # type: ignore[arg-type]
    }
    for says, act in wrong.items():
        with pytest.raises(InputError, match=says):
            act()


def test_a_file_that_may_not_be_opened_is_named(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", "there")

    monkeypatch.setattr("wordstates.store.store.existing_store", refuse)
    with pytest.raises(InputError, match=r"^'there': Permission denied\.$"):
        open_store(written / "store")


def test_a_network_that_fails_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build("bert")
    model = copy.deepcopy(model)
    embedder = WordEmbedder(model, tokenizer)
    for strange in (IndexError("index out of range in self"), StrangeError("on purpose"), NotImplementedError()):

        def fail(*_: Any, error: Exception = strange, **__: Any) -> None:
            raise error

        monkeypatch.setattr(model, "forward", fail)
        with pytest.raises(ModelError, match=rf"failed while reading \({type(strange).__name__}") as caught:
            embedder.encode("A mill.")
        assert strange in (caught.value.__cause__, caught.value.__cause__.__cause__)  # type: ignore[union-attr]


@pytest.mark.parametrize("kept", [KeyboardInterrupt, MemoryError])
def test_ctrl_c_and_no_memory_keep_their_meaning(kept: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))

    def stop(*_: Any, **__: Any) -> None:
        raise kept

    monkeypatch.setattr("wordstates.encode.prepare.make_plan", stop)
    with pytest.raises(kept):
        embedder.encode("A mill.")


def test_ctrl_c_that_ends_in_an_error_of_a_lock_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two steps of `Condition.wait`, Ctrl-C leaves the lock open, which `with` then closes once more."""
    embedder = WordEmbedder(*build("bert"))

    def stop(*_: Any, **__: Any) -> None:
        lock = threading.RLock()
        with lock:
            lock.release()
            raise KeyboardInterrupt

    monkeypatch.setattr("wordstates.encode.prepare.make_plan", stop)
    with pytest.raises(KeyboardInterrupt):
        embedder.encode("A mill.")
    monkeypatch.setattr("wordstates.cli.doctor._facts", stop)
    assert run("doctor").code == 130

    monkeypatch.setattr("wordstates.encode.prepare.make_plan", lambda *_: {}["plan"])
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:  # an error after it is one of its own
        with pytest.raises(UnexpectedError, match="KeyError"):
            embedder.encode("A mill.")


def test_what_the_callers_own_functions_raise_reaches_the_caller() -> None:
    def strange(_: object) -> Any:
        raise StrangeError("mine")

    with pytest.raises(StrangeError, match="mine"):
        WordEmbedder(*build("bert")).encode("A mill.", on_progress=strange)
    with pytest.raises(StrangeError, match="mine"):
        WordEmbedder(*build("bert"), splitter=strange).encode("A mill.")


def test_what_reading_the_callers_own_items_raises_reaches_the_caller(tmp_path: Path) -> None:
    def strange() -> Iterator[Any]:
        yield from ()
        raise StrangeError("mine")

    with pytest.raises(StrangeError, match="mine"):
        PostProcessing.fit("center", strange())
    with pytest.raises(StrangeError, match="mine"):
        embed_corpus(strange(), tmp_path / "store", WordEmbedder(*build("bert")))
    source = write_file(tmp_path / "usages.parquet", [[1.0, 0.0]])
    with pytest.raises(StrangeError, match="mine"):
        build_index(source, on_progress=lambda _: next(strange()))


def test_an_unexpected_error_says_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))
    monkeypatch.setattr("wordstates.encode.prepare.make_plan", lambda *_: {}["plan"])
    with pytest.raises(
        UnexpectedError, match=r"\(KeyError: 'plan', at encode/prepare.py:\d+\): please report"
    ) as caught:
        embedder.encode("A mill.")
    assert isinstance(caught.value.__cause__, KeyError)


# ---------------------------------------------------------------- commands

COMMANDS = {each.name or each.callback.__name__: each for each in app.app.registered_commands}  # type: ignore[union-attr]
TOLD: dict[BaseException, str] = {
    StrangeError("on purpose"): "Unexpected error (StrangeError: on purpose",
    PanicError("on purpose"): "WORDSTATES_TRACEBACK=1 shows where it comes from",
    MemoryError(): "Memory ran out",
    PermissionError(13, "No.", "there"): "'there': No.",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_ends_in_a_traceback(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for strange, told in TOLD.items():

        def fail(error: BaseException = strange) -> None:
            raise error

        fail.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # what typer reads
        monkeypatch.setattr(COMMANDS[command], "name", command)
        monkeypatch.setattr(COMMANDS[command], "callback", fail)
        done = run(command)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("wordstates: ")
        assert told in done.err
        assert "Traceback" not in done.err
        assert len(done.err.splitlines()) == 1


def test_who_asks_is_shown_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORDSTATES_TRACEBACK", "1")
    monkeypatch.setattr("wordstates.cli.doctor._facts", lambda: {}["facts"])
    done = run("doctor")
    assert "Traceback (most recent call last):" in done.err
    assert done.err.endswith("WORDSTATES_TRACEBACK=1 shows where it comes from.\n")
