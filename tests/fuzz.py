"""Damaged files of every kind that is read, one after the other in this process: each is read, or refused in one line.

    make fuzz                      100,000 damaged files, a few minutes
    make fuzz FUZZ_ARGS="--inputs 2000 --only manifest,recipe --seed 7"

Real files are damaged by byte and, where they are JSON, by structure. Whatever comes of it, nothing but an error of
ours with a message of one line may be raised, no `UnexpectedError`, no file may take `SECONDS`, and
the process may not grow by `MOST_BYTES`. What was read without an error must be what was written wherever a
checksum guards it. The damage depends on the seed alone.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import itertools
import json
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from families import build, save
from wordstates import Document, PostProcessing, Recipe, StaticVectors, WordEmbedder, WordstatesError, load
from wordstates.documents.readers import read_documents
from wordstates.errors import UnexpectedError
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.explore.labels import Labels
from wordstates.files.describe import describe
from wordstates.files.describe_others import describe_other
from wordstates.files.open_writer import open_writer
from wordstates.files.saved_recipe import read_recipe, save_recipe
from wordstates.runs.embed import embed_documents
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.store import open_store
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex

SECONDS, MOST_BYTES = 20, 2 << 30
RARELY = 20
TEXTS = ["the old mill by the river", "a bank, and another bank", "the children run"]
LABELLED = {
    "senses.jsonl": "".join(
        json.dumps({"text": "the bank lends", "span": [4, 8], "sense": f"s{n % 2}"}) + "\n" for n in range(12)
    ),
    "pairs.jsonl": "".join(
        json.dumps({"text1": "the bank", "span1": [4, 8], "text2": "a bank", "span2": [2, 6], "label": n}) + "\n"
        for n in (0, 1) * 6
    ),
    "labels.tsv": "the\tDET\nmill\tNOUN\n\na\tDET\nbank\tNOUN\n\n" * 4,
}
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    10**12,
    1.5,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    {"a": [1]},
    2**63,
]


@dataclass
class Kind:
    """A file that is damaged, and what reads it.

    Args:
        path: The file.
        read: Reads it, and gives what a checksum guards; None: nothing is guarded.
        content: What it holds when it is sound.
        sound: What `read` gives then.
        rare: Whether it takes long to read, and is tried in one of `RARELY` rounds only.
    """

    path: Path
    read: Callable[[], object]
    rare: bool = False
    content: bytes = b""
    sound: object = None

    def __post_init__(self) -> None:
        self.content = self.path.read_bytes()
        self.sound = self.read()


@dataclass
class Findings:
    """What came of it.

    Args:
        tried: Damaged files of each kind.
        refused: Those of them that were refused.
        wrong: What must not be, with the file that it came of.
        most_bytes: What the process may have at most.
    """

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, bytes]] = field(default_factory=list)
    most_bytes: int = field(default_factory=lambda: peak_bytes() + MOST_BYTES)


# ---------------------------------------------------------------- the files


def kinds_in(folder: Path) -> dict[str, Kind]:
    """Write a sound file of each kind, and say how it is read."""
    embedder = WordEmbedder(*build("bert"), engine="torch")
    kinds: dict[str, Kind] = {}

    def add(
        name: str, path: Path, read: Callable[[], object], content: bytes | str | None = None, *, rare: bool = False
    ) -> None:
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        kinds[name] = Kind(path, read, rare)

    def add_input(name: str, content: bytes | str | None = None, **options: Any) -> None:
        path = folder / name
        add(name, path, lambda: unguarded(read_documents([path], **options)), content)

    rows = "".join(json.dumps({"text": text, "id": f"d{n}", "year": 1900 + n}) + "\n" for n, text in enumerate(TEXTS))
    add_input("t.txt", "\n".join(TEXTS) + "\n")
    add_input("u.txt", "\n\n".join(TEXTS), text_unit="paragraph")
    add_input("t.txt.gz", gzip.compress("\n".join(TEXTS).encode()))
    add_input("t.txt.zst", pa.compress("\n".join(TEXTS).encode(), "zstd", asbytes=True))
    add_input("t.jsonl", rows, id_column="id", metadata=["year"])
    add_input("t.csv", 'text,id\n"the old, mill",1\na bank,2\n', id_column="id")
    add_input("t.tsv", "text\tid\nthe mill\t1\na bank\t2\n")
    add_input("w.csv", "word,s\nthe,1\nmill,1\na,2\nbank,2\n", word_column="word", group_column=["s"])
    sentence = "".join(f"{n}\t{word}\t{word}\tNOUN\t_\t_\t0\troot\t_\t_\n" for n, word in enumerate(["the", "mill"], 1))
    add_input(
        "t.conllu", f"# sent_id = a\n# text = the mill\n{sentence}\n# sent_id = b\n{sentence}\n", metadata=["upos"]
    )
    add_input("t.conll", "the O\nmill B-LOC\n\na O\nbank O\n")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": TEXTS, "id": ["a", "b", "c"]}), folder / "t.parquet")
    add_input("t.parquet", id_column="id")

    for ending in ("parquet", "npz", "safetensors", "jsonl"):
        path = folder / f"saved.{ending}"
        embedder.encode(TEXTS).save(path)
        guarded = ending in ("npz", "safetensors")  # by checksums of the format, or of ours
        add(path.name, path, partial(numbers_in if guarded else looked_at, load, path))
        add(f"{path.name} described", path, partial(looked_at, describe, path))
    for ending in ("xlsx", "csv", "h5"):
        path = folder / f"written.{ending}"
        embed_documents(embedder, [Document("d", TEXTS[0])], open_writer(path))
        add(path.name, path, partial(looked_at, describe, path), rare=ending == "h5")
    add(
        "xlsx",
        folder / "written.xlsx",
        lambda: unguarded(read_documents([folder / "written.xlsx"], text_column="word")),
    )
    provenance = folder / "saved.jsonl.provenance.json"
    add("provenance", provenance, lambda: unguarded([describe(folder / "saved.jsonl")]))

    vectors_of_texts = embedder.encode(TEXTS).vectors
    fitted = PostProcessing.fit("center+pca:4", [vectors_of_texts])
    fitted.save(folder / "post.safetensors")
    add(
        "post-processing",
        folder / "post.safetensors",
        lambda: PostProcessing.load(folder / "post.safetensors").apply(vectors_of_texts).tolist(),
    )
    save_recipe(folder / "recipe.json", Recipe(), None)
    add("recipe", folder / "recipe.json", lambda: unguarded([read_recipe(str(folder / "recipe.json"))]))
    add("recipe described", folder / "recipe.json", lambda: unguarded([describe_other(folder / "recipe.json")]))
    static = StaticVectors.from_embeddings(embedder.encode(TEXTS))
    for ending in ("parquet", "safetensors"):
        path = folder / f"static.{ending}"
        static.save(path)
        add(path.name, path, partial(numbers_in if ending == "safetensors" else looked_at, StaticVectors.load, path))
    for ending in ("txt", "bin"):
        path = folder / f"static.{ending}"
        static.save(path)
        add(f"word2vec {ending}", path, partial(looked_at, describe_other, path))
    beside = folder / "static.txt.provenance.json"
    add("word2vec provenance", beside, lambda: unguarded([describe_other(folder / "static.txt")]))
    rejects = folder / "t.rejects.jsonl"
    lines = "".join(json.dumps({"document": f"d{n}", "reason": "no words"}) + "\n" for n in range(3))
    add("rejects", rejects, partial(looked_at, describe_other, rejects), lines)
    save_model(folder / "model")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        add(f"model {name}", folder / "model" / name, lambda: unguarded([loaded(folder / "model")]), rare=True)
    for name, content in LABELLED.items():
        add(f"labelled {name}", folder / name, partial(labelled, folder / name), content)

    documents = [Document(f"d{number}", text * 3) for number, text in enumerate(TEXTS)]
    embed_to_store(embedder, documents, folder / "store", StoreSettings(shard_characters=90))
    shard = min((folder / "store" / "shards").iterdir())
    record = min((folder / "store" / "records").iterdir())
    vectors = lambda: [table["vector"].to_pylist() for table in open_store(folder / "store").tables()]  # noqa: E731
    add("shard", shard, vectors)
    add("record", record, lambda: unguarded([open_store(folder / "store").describe()]))
    add("manifest", folder / "store" / "manifest.json", lambda: unguarded([open_store(folder / "store").describe()]))
    add(
        "manifest verified",
        folder / "store" / "manifest.json",
        lambda: unguarded([open_store(folder / "store").verify()]),
    )

    build_index(folder / "saved.parquet", folder / "index")
    for path in sorted((folder / "index").iterdir()):
        if path.is_file():
            add(f"index {path.name}", path, lambda: found_in(folder / "index"))
    names = {"bank": [{"name": "money", "usages": [["1", 2]]}]}
    add(
        "names of senses", folder / "labels.json", partial(looked_at, Labels, folder / "labels.json"), json.dumps(names)
    )
    return kinds


def unguarded(found: Any) -> None:
    """Read to the end what no checksum guards."""
    for each in found:
        repr(each)


def numbers_in(read: Callable[[Path], Any], path: Path) -> object:
    """Read the vectors of a file whose checksum guards them, and its words."""
    found = read(path)
    vectors = found.vectors if isinstance(found.vectors, dict) else {"": found.vectors}
    return list(found.words), {name: each.tolist() for name, each in vectors.items()}


def found_in(index: Path) -> object:
    """Search an index; each of its files is guarded by a checksum."""
    return [str(hit) for hit in UsageIndex(index).near(0, k=3)]


def save_model(folder: Path) -> None:
    """Write a model of two small blocks, which is read in no time."""
    save("bert", folder)


def loaded(folder: Path) -> object:
    """Load a model, and read a text with it."""
    return WordEmbedder(folder, engine="torch").encode(TEXTS[0])


def labelled(path: Path) -> None:
    """Read labelled data, as `wordstates sweep` does."""
    read_task({None: path}, DataOptions())


def looked_at(read: Callable[[Path], object], path: Path) -> None:
    """Read a file with what no checksum guards."""
    unguarded([read(path)])


# ---------------------------------------------------------------- the damage


def damaged(content: bytes, chance: random.Random, *, whole: bool = True) -> bytes:
    """Damage a file: by structure, if it is JSON, or by byte.

    Args:
        content: The file.
        chance: What is damaged, and how.
        whole: Whether an archive may be packed again, with checksums that agree with the damage.
    """
    if content[:1] in b"{[" and chance.random() < 0.7:
        with contextlib.suppress(ValueError):
            lines = content.split(b"\n") if content.count(b"\n{") else [content]
            index = chance.randrange(len(lines) or 1)
            lines[index] = by_structure(json.loads(lines[index]), chance)
            return b"\n".join(lines)
    if whole and content[:2] == b"PK" and chance.random() < 0.7:
        return by_member(content, chance)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        content = by_byte(content, chance)
    return content


def by_member(content: bytes, chance: random.Random) -> bytes:
    """Damage what a file of an archive says, where the checksums of the archive agree."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(files))
    files[name] = damaged(files[name], chance) if files[name] else b"x"
    if chance.random() < 0.1:
        del files[name]
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for each, inner in files.items():
            archive.writestr(each, inner)
    return changed.getvalue()


def by_structure(data: Any, chance: random.Random) -> bytes:
    """Put something odd in the place of a value, leave a key out, have one twice, or nest deeply."""
    places: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        each = waiting.pop()
        inner = (
            list(each.items()) if isinstance(each, dict) else list(enumerate(each)) if isinstance(each, list) else []
        )
        places += [(each, key) for key, _ in inner]
        waiting += [value for _, value in inner]
    if not places:
        return b"[]"
    holder, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        holder[key] = "<here>"
        odd = chance.choice(["9" * 5000, "[" * 50_000, "1e999", "-Infinity", '{"a": 1, "a": 2}', '"\\ud800"'])
        return json.dumps(data).replace('"<here>"', odd).encode()
    elif kind == 2 and isinstance(holder[key], (int, float)):
        holder[key] = holder[key] * chance.choice([-1, 2, 10**9, 0.5])
    else:
        holder[key] = chance.choice(ODD)
    return json.dumps(data).encode()


def by_byte(content: bytes, chance: random.Random) -> bytes:
    """Flip, take out, put in, repeat or cut off some bytes."""
    start = chance.randrange(len(content) + 1)
    end = min(start + chance.choice([1, 1, 2, 8, 64]), len(content))
    some = content[start:end]
    new = [
        bytes(byte ^ (1 << chance.randrange(8)) for byte in some),
        b"",
        some
        + chance.choice([b"\0", b"\xff", b"\n", b"\r", b'"', b",", b"\t", b"9" * 30, b"\xe2\x80\xa8", b"[", b"\\"]),
        some * chance.choice([2, 50]),
        chance.randbytes(len(some)),
    ][chance.randrange(5)]
    return content[:start] + new + (b"" if chance.random() < 0.05 else content[end:])


# ---------------------------------------------------------------- trying


class _TooSlowError(BaseException):
    """A file took too long."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Stop what takes too long."""

    def stop(*_: object) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def try_one(name: str, kind: Kind, content: bytes, findings: Findings) -> None:
    """Read one damaged file, and note what must not be."""
    kind.path.write_bytes(content)
    findings.tried[name] += 1
    try:
        with in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = kind.read()
        if found != kind.sound:
            findings.wrong.append((name, "another result, without a word", content))
    except UnexpectedError as error:
        findings.wrong.append((name, str(error), content))
    except WordstatesError as error:
        findings.refused[name] += 1
        if "\n" in str(error) or not str(error) or len(str(error)) > 2000:
            findings.wrong.append((name, f"message of several lines: {error!s:.300}", content))
    except MemoryError:
        findings.wrong.append((name, "MemoryError", content))
    except _TooSlowError:
        findings.wrong.append((name, f"not done within {SECONDS} seconds", content))
    except Exception as error:  # what this looks for
        findings.wrong.append((name, f"{type(error).__name__}: {error}", content))
    if peak_bytes() > findings.most_bytes:
        findings.wrong.append((name, f"the process has grown by {MOST_BYTES:,} bytes", content))
        findings.most_bytes = peak_bytes() + MOST_BYTES


def peak_bytes() -> int:
    """Give the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(folder: Path, inputs: int, seed: int, only: str = "") -> Findings:
    """Try so many damaged files, kind by kind in turn; the files are sound again in the end."""
    kinds = {name: kind for name, kind in kinds_in(folder).items() if not only or name in only.split(",")}
    findings, chance = Findings(), random.Random(seed)
    rounds = itertools.cycle(range(RARELY))
    turns = ((name, kind) for turn in rounds for name, kind in kinds.items() if not kind.rare or turn == 0)
    for name, kind in itertools.islice(turns, inputs):
        try:
            try_one(name, kind, damaged(kind.content, chance, whole=kind.sound is None), findings)
        finally:
            kind.path.write_bytes(kind.content)
    return findings


def main() -> None:
    """Fuzz, tell what was found, and fail if it must not be."""
    parser = argparse.ArgumentParser(description="Read damaged files of every kind.")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds, with commas between them")
    parser.add_argument("--keep", type=Path, help="folder for the files that did harm")
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        findings = fuzz(Path(folder), arguments.inputs, arguments.seed, arguments.only)
    for name, count in findings.tried.items():
        print(f"{name:28} {count:8,} tried {findings.refused[name]:8,} refused")
    seen = Counter[str]()
    for number, (name, what, content) in enumerate(findings.wrong):
        seen[f"{name}: {what[:160]}"] += 1
        if arguments.keep is not None:
            (arguments.keep / f"{number:05d}-{name.replace(' ', '-')}").write_bytes(content)
    for what, count in seen.most_common():
        print(f"{count:6,}x {what}")
    peak = peak_bytes() / 2**20
    tried, seconds = sum(findings.tried.values()), time.perf_counter() - began
    print(f"{tried:,} damaged files in {seconds:,.0f} s, peak {peak:,.0f} MiB: {len(findings.wrong):,} did harm")
    sys.exit(bool(findings.wrong))


if __name__ == "__main__":
    main()
