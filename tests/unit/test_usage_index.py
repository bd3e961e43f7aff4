"""An index of usages: what it holds, what it finds, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_runner import run
from usage_files import write_file
from wordstates.errors import InputError, OutputError
from wordstates.postprocess.post_processing import is_post_processing
from wordstates.usages.build import build_index, default_index_path
from wordstates.usages.filters import parse_condition, rows_that_meet
from wordstates.usages.index import UsageIndex
from wordstates.usages.marked import read_marked, read_vector
from wordstates.usages.search import best, scored


@pytest.fixture
def indexed(tmp_path: Path) -> UsageIndex:
    vectors = [[1.0, 0.0], None, [0.0, 2.0], [3.0, 3.0], [-1.0, 0.1]]
    path = write_file(
        tmp_path / "u.parquet",
        vectors,
        ["bank", "x", "Bank", "shore", "bank"],
        year=["1900", "1900", "1950", "1990", ""],
    )
    build_index(path)
    return UsageIndex(path)


# ---------------------------------------------------------------- search


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 12), st.integers(1, 4))
def test_search_is_exact(seed: int, rows: int, k: int, pieces: int) -> None:
    """Held against sorting all rows; few different numbers, so that many rows score alike."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-1, 2, size=(rows, 3)).astype(np.float32)
    query = rng.integers(-1, 2, size=3).astype(np.float32)
    wanted = (None, rng.random(rows) < 0.5, rng.random(rows) < 0.05)[seed % 3]
    scores, found = scored(np.array_split(matrix, pieces), query, wanted)
    places = best(scores, min(k, len(scores)))
    allowed = np.arange(rows) if wanted is None else np.flatnonzero(wanted)
    expected = sorted(allowed.tolist(), key=lambda row: (-float(matrix[row] @ query), row))[:k]
    assert found[places].tolist() == expected
    np.testing.assert_array_equal(scores[places], matrix[expected] @ query)


def test_a_thousand_identical_usages_are_found_in_order() -> None:
    scores, _ = scored([np.ones((1000, 4), dtype=np.float32)], np.ones(4, dtype=np.float32))
    assert best(scores, 5).tolist() == [0, 1, 2, 3, 4]


def test_words_without_a_vector_are_left_out_and_scores_are_cosines(indexed: UsageIndex) -> None:
    assert len(indexed) == 4
    assert indexed.manifest.parts[0].without_vector == 1
    hits = indexed.near(np.array([2.0, 2.0]), k=2)
    assert [(hit.usage.word, hit.usage.document, round(hit.score, 4)) for hit in hits] == [
        ("shore", "d3", 1.0),
        ("bank", "d0", 0.7071),
    ]


def test_a_usage_is_not_its_own_neighbour(indexed: UsageIndex) -> None:
    assert [hit.usage.number for hit in indexed.near(0, k=10)] == [2, 1, 3]


def test_filters_go_before_the_search(indexed: UsageIndex) -> None:
    query = np.array([1.0, 1.0])
    assert [hit.usage.document for hit in indexed.near(query, word="BANK", k=9)] == ["d0", "d2", "d4"]
    assert [hit.usage.document for hit in indexed.near(query, conditions=["year>=1950"], k=9)] == ["d3", "d2"]
    assert indexed.near(query, conditions=["year=1800"], k=9) == []


def test_what_a_usage_says_of_itself(indexed: UsageIndex) -> None:
    usage = indexed[1]
    assert (usage.word, usage.document, usage.span, usage.status) == ("Bank", "d2", (4, 8), "ok")
    assert (usage.around(9), usage.metadata) == (("    ", ""), {"year": "1950"})
    with pytest.raises(IndexError, match="Usage 9 does not exist: there are 4"):
        indexed[9]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (7, "Usage 7 does not exist: the index has 4"),
        (np.array([np.nan, 1.0]), "one vector of finite numbers"),
        (np.ones((2, 2)), "one vector of finite numbers"),
        (np.ones(3), "A query of 3 numbers cannot be compared: the vectors .* have 2"),
        (np.zeros(2), "A query of zeros has no direction"),
        ("no word is marked", "marks no word: put square brackets"),
    ],
)
def test_queries_that_are_none(indexed: UsageIndex, query: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        indexed.near(query)  # type: ignore[arg-type]  # on purpose


# ---------------------------------------------------------------- building


def test_post_processing_is_fitted_kept_and_applied_to_queries(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 5.0], [2.0, 5.0], [3.0, 5.5]])
    build_index(path, steps="center")
    index = UsageIndex(path)
    centered = np.array([[1, 5], [2, 5], [3, 5.5]]) - [2, 5 + 1 / 6]
    np.testing.assert_allclose(
        index.vectors([0, 1, 2]), centered / np.linalg.norm(centered, axis=1, keepdims=True), atol=1e-6
    )
    assert index.near(np.array([3.0, 5.5]), k=1)[0].score == pytest.approx(1, abs=1e-6)
    build_index(path)  # again: what was fitted stays
    assert UsageIndex(path).manifest.steps == ("center", "unit")


def test_an_index_of_other_vectors_is_not_added_to(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]])
    build_index(path)
    with pytest.raises(InputError, match=r"is an index of other vectors .*post-processing"):
        build_index(path, steps="center")
    write_file(path, [[1.0, 0.0]], weights="other")
    with pytest.raises(InputError, match=r"is an index of other vectors .*weights: w there, other now"):
        build_index(path)
    build_index(path, overwrite=True)
    assert UsageIndex(path).manifest.provenance["weights"] == "other"


def test_a_file_that_changed_is_indexed_again(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]])
    build_index(path)
    write_file(path, [[0.0, 1.0], [1.0, 0.0]])
    build_index(path)
    assert UsageIndex(path).vectors([0, 1]).tolist() == [[0, 1], [1, 0]]


def test_near_says_that_no_usage_meets_the_conditions(indexed: UsageIndex) -> None:
    for more in (["--word", "nosuch"], ["--where", "year=1800"]):
        done = run("near", indexed.path, "0", *more)
        assert done.code == 1
        assert "meets the conditions: there is nothing to compare with." in done.err


def test_an_interrupt_leaves_no_unfinished_file(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]])

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            build_index(path, steps="center", on_progress=interrupt)
        assert not default_index_path(path).exists()
    default_index_path(path).mkdir()
    with pytest.raises(KeyboardInterrupt):
        build_index(path, steps="center", on_progress=interrupt)
    assert list(default_index_path(path).iterdir()) == []  # the folder was the user's
    (default_index_path(path) / "post.safetensors").touch()  # of a run that was killed: it does not stand in the way
    build_index(path)
    assert len(UsageIndex(path)) == 1
    assert not list(default_index_path(path).glob("post*"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"steps": "nosuch"}, "Step 'nosuch' does not exist"),
        ({"steps": "pca:900"}, "is too much for vectors of 2 dimensions"),
        ({"layer": 7}, "have no layer axis"),
        ({"recipe": "nosuch"}, "has no recipe 'nosuch'"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_cannot_be_made_leaves_the_index_that_is_there(
    indexed: UsageIndex, wrong: dict[str, object], says: str, overwrite: bool
) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in indexed.path.iterdir()}
    if not overwrite and wrong == {"steps": "pca:900"}:
        says = "is an index of other vectors"
    with pytest.raises(InputError, match=says):
        build_index(indexed.path.with_name("u.parquet"), overwrite=overwrite, **wrong)  # type: ignore[arg-type]
    assert {file.name: file.stat().st_mtime_ns for file in indexed.path.iterdir()} == before


def test_folders_that_are_no_index(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]])
    with pytest.raises(InputError, match="has no index: make one with `wordstates index"):
        UsageIndex(path)
    with pytest.raises(InputError, match=r"nowhere' does not exist: give a store"):
        UsageIndex(tmp_path / "nowhere")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is a folder that is no index"):
        build_index(path, tmp_path / "mine")
    with pytest.raises(OutputError, match=r"notes.txt' is a file, and an index is a folder"):
        build_index(path, tmp_path / "mine" / "notes.txt")
    with pytest.raises(OutputError, match=r"The folder of '.*' does not exist: make it first"):
        build_index(path, tmp_path / "nowhere" / "index")


@pytest.mark.parametrize("damage", ["vectors.npy", "rows.arrow", "texts.arrow", "index.json"])
def test_a_damaged_index_says_so(indexed: UsageIndex, damage: str) -> None:
    path = next(indexed.path.glob(f"*{damage}"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"un `wordstates index` again|the index again with `wordstates index"):
        UsageIndex(indexed.path)


@pytest.mark.parametrize("damage", ["rows.arrow", "texts.arrow"])
def test_what_is_no_text_is_a_damage_too(indexed: UsageIndex, damage: str) -> None:
    path = next(indexed.path.glob(f"*{damage}"))
    content = path.read_bytes()
    assert b"bank" in content
    path.write_bytes(content.replace(b"bank", b"b\xff\xfek"))
    with pytest.raises(InputError, match="make the index again with `wordstates index --overwrite`"):
        list(UsageIndex(indexed.path, verify=False).usages(range(len(indexed))))


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["vectors.npy", "rows.arrow", "texts.arrow"])
def test_a_flipped_bit_in_an_index_is_told_and_made_anew(indexed: UsageIndex, kind: str) -> None:
    """What no reader of the format can see: the last bytes of the vectors, and letters of words and texts."""
    path = indexed.path / f"part.{kind}"
    sound, expected = path.read_bytes(), list(indexed.usages(range(4)))
    _flip(path, len(sound) - 3 if kind == "vectors.npy" else sound.index(b"bank"))
    with pytest.raises(InputError, match=f"part.{kind} of .* is not what was written"):
        UsageIndex(indexed.path).check_files()
    with pytest.raises(InputError, match=f"part.{kind} of .* is not what was written"):
        UsageIndex(indexed.path).near(0)
    assert len(UsageIndex(indexed.path, verify=False).near(0)) == 3
    build_index(indexed.path.with_name("u.parquet"))
    assert path.read_bytes() == sound
    assert list(UsageIndex(indexed.path).usages(range(4))) == expected


def test_a_pipe_in_an_index_is_not_waited_for(indexed: UsageIndex) -> None:
    path = indexed.path / "part.vectors.npy"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"part.vectors.npy of .* is missing, or no regular file"):
        UsageIndex(indexed.path)
    assert not is_post_processing(path)


def test_words_are_read_where_vectors_are_damaged(indexed: UsageIndex) -> None:
    """Each file is compared when something of it is first read, so that a concordance opens at once."""
    _flip(indexed.path / "part.vectors.npy", -3)
    assert [usage.word for usage in UsageIndex(indexed.path).usages([0, 2])] == ["bank", "shore"]


@pytest.mark.parametrize(("key", "value"), [("dim", 3), ("layer", 4), ("column", "x"), ("parts", [])])
def test_another_value_in_what_an_index_says_of_itself(indexed: UsageIndex, key: str, value: object) -> None:
    path = indexed.path / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InputError, match=r"broken .its checksum is not that of what it says.: make the index again"):
        UsageIndex(indexed.path)


def test_an_index_without_checksums_is_read_as_it_was(indexed: UsageIndex) -> None:
    path = indexed.path / "index.json"
    data = json.loads(path.read_text())
    del data["checksum"], data["post"], data["parts"][0]["checksums"]
    path.write_text(json.dumps(data))
    assert len(UsageIndex(indexed.path).near(0)) == 3
    path.write_text(json.dumps(data | {"dim": "2"}))
    with pytest.raises(InputError, match=r"broken .'dim' is '2', which it cannot be"):
        UsageIndex(indexed.path)


def test_the_post_processing_of_an_index_is_the_one_it_was_made_with(tmp_path: Path) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 5.0], [2.0, 5.0], [3.0, 5.5]])
    build_index(path, steps="center")
    _flip(default_index_path(path) / "post.safetensors", -3)
    for read in (lambda: UsageIndex(path).near(np.array([3.0, 5.5])), lambda: build_index(path)):
        with pytest.raises(InputError, match=r"post.safetensors.* is not what was written"):
            read()


def test_overwrite_removes_nothing_of_another_program(tmp_path: Path) -> None:
    path, folder = write_file(tmp_path / "u.parquet", [[1.0, 0.0]]), tmp_path / "site"
    folder.mkdir()
    (folder / "index.json").write_text("{}")
    (folder / "mine.npy").write_text("mine")
    with pytest.raises(OutputError, match="is not of wordstates"):
        build_index(path, folder, overwrite=True)
    assert sorted(each.name for each in folder.iterdir()) == ["index.json", "mine.npy"]


@pytest.mark.parametrize("name", ["document", "word", "start", "end", "status"])
def test_columns_that_every_usage_needs(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]])
    metadata = {key: value for key, value in pq.read_metadata(path).metadata.items() if key != b"ARROW:schema"}
    table = pq.read_table(path).replace_schema_metadata(metadata)
    place = table.schema.get_field_index(name)
    others = [table.drop_columns([name]), table.set_column(place, name, pa.array([1.5]))]
    without = table.set_column(place, table.schema.field(name), pa.nulls(1, table.schema.field(name).type))
    for made, message in [*((each, f"no column {name!r}") for each in others), (without, "has rows without")]:
        pq.write_table(made, path)
        with pytest.raises(InputError, match=message):
            build_index(path)


def test_where_an_index_lies() -> None:
    assert default_index_path("a/x.parquet") == Path("a/x.index")


# ---------------------------------------------------------------- conditions and marked sentences


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("word=bank", [True, True, False, False]),
        ("word!=bank", [False, False, True, True]),
        ("year=1900,1950", [True, True, False, False]),
        ("year<1950", [True, False, False, False]),
        ("year!=1900", [False, True, True, True]),
    ],
)
def test_conditions(condition: str, met: list[bool]) -> None:
    rows = pa.table({"word": ["bank", "Bank", "shore", None], "year": ["1900", "1950", None, "n.d."]})
    found = rows_that_meet(rows, [parse_condition(condition)])
    assert found is not None
    assert found.tolist() == met


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("year", "Condition 'year' is not valid"),
        ("year>old", "compares numbers, and 'old' is none"),
        ("sex=f", "no column 'sex'"),
    ],
)
def test_conditions_that_are_none(condition: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows_that_meet(pa.table({"year": ["1900"]}), [parse_condition(condition)])


@given(
    st.text(alphabet="ab []\\", max_size=12),
    st.text(alphabet="ab", min_size=1, max_size=4),
    st.text(alphabet="ab []\\"),
)
def test_marked_sentences_come_back(left: str, word: str, right: str) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")

    text, (start, end) = read_marked(f"{escaped(left)}[{word}]{escaped(right)}")
    assert (text, text[start:end]) == (left + word + right, word)
    assert start == len(left)


@pytest.mark.parametrize("text", ["", "[", "]", "[]", "[a] [b]", "]a[", "[ ]", "[[a]]"])
def test_sentences_that_mark_no_word(text: str) -> None:
    with pytest.raises(InputError, match="marks no word"):
        read_marked(text)


def test_a_vector_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "vector.npy"
    np.save(file, np.ones((1, 3)))
    assert read_vector(str(file)).tolist() == [1, 1, 1]
    for wrong, told in {np.ones((2, 3)).tobytes(): "holds no vector", b"": "holds no vector"}.items():
        file.write_bytes(wrong)
        with pytest.raises(InputError, match=told):
            read_vector(str(file))
    for array in (np.ones((2, 3)), np.array([np.nan, 1]), np.array(["a"]), np.ones(3) + 1j, np.array([True])):
        np.save(file, array)
        with pytest.raises(InputError, match=r"array of .*, of shape .*: give one vector of finite numbers"):
            read_vector(str(file))
    with pytest.raises(InputError, match=r"gone\.npy' is not a file"):
        read_vector(str(tmp_path / "gone.npy"))
