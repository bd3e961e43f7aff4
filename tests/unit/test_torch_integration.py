"""Stored vectors as batches, and word vectors inside a network."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from families import build
from patience import A_HANG
from wordstates import Recipe, WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, RecipeError
from wordstates.files import tables
from wordstates.files.open_writer import open_writer
from wordstates.integrations.torch import StoreDataset, WordPooling, collate, stored_documents
from wordstates.options import VectorDtype
from wordstates.runs.embed import embed_documents
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings

TEXTS = {
    "mill": "The river runs past the old mill.",
    "bank": "A bank lends money.",
    "nothing": "",
    "lost": "A \u200b \u00ad bank",
    "fox": "Six quick foxes jumped exactly 30 boxes.",
}


def embed_to_file(embedder: WordEmbedder, given: list[Document], path: Path, dtype: VectorDtype = "float32") -> None:
    embed_documents(embedder, given, open_writer(path, dtype=dtype))


def documents() -> list[Document]:
    found = []
    for name, text in TEXTS.items():
        spans = ((0, 1), (2, 3), (6, 10)) if name == "lost" else None  # a space is no subword's: no vector
        found.append(Document(name, text, spans=spans))
    return found


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"))


@pytest.fixture(params=["store", "file"])
def stored(
    request: pytest.FixtureRequest, tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Write small row groups, so that documents lie across them."""
    monkeypatch.setattr(tables, "_GROUP_ROWS", 3)
    if request.param == "store":
        embed_to_store(embedder, documents(), tmp_path / "store", StoreSettings(shard_characters=30))
        assert len(list((tmp_path / "store" / "shards").iterdir())) > 1
        return tmp_path / "store"
    embed_to_file(embedder, documents(), tmp_path / "all.parquet")
    return tmp_path / "all.parquet"


def expected(embedder: WordEmbedder) -> dict[str, np.ndarray]:
    given = [document for document in documents() if document.text]
    spans = [
        split if document.spans is None else document.spans
        for document, split in zip(given, embedder.split([d.text for d in given]), strict=True)
    ]
    emb = embedder.encode([document.text for document in given], spans=spans)
    return {document.id: one.vectors for document, one in zip(given, emb, strict=True)}


def test_documents_are_what_was_embedded(stored: Path, embedder: WordEmbedder) -> None:
    dataset = StoreDataset(stored)
    wanted = expected(embedder)
    assert len(dataset) == 4, "a document without words has no row"
    for index in (2, 0, 3, 1, -1):  # in any order
        item = dataset[index]
        assert item.labels is None
        assert len(item.words) == len(wanted[item.document]) == len(item.has_vector)
        np.testing.assert_allclose(item.vectors.numpy(), wanted[item.document], atol=1e-5)
    assert {dataset[index].document for index in range(4)} == set(TEXTS) - {"nothing"}
    (lost,) = [item for item in map(dataset.__getitem__, range(4)) if item.document == "lost"]
    assert lost.has_vector.tolist() == [True, False, True]
    assert lost.vectors[1].isnan().all()
    with pytest.raises(IndexError, match="Document 4 does not exist: there are 4"):
        dataset[4]


def test_few_row_groups_stay_in_memory(stored: Path) -> None:
    dataset = StoreDataset(stored, row_groups=2)
    assert dataset._documents.index.groups.size > 6
    for index in (0, 3, 1, 2):
        dataset[index]
        assert len(dataset._documents._kept) <= 2


def test_few_files_are_open(tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_documents, "_MOST_OPEN", 2)
    given = [Document(f"d{index}", "A bank.") for index in range(5)]
    embed_to_store(embedder, given, tmp_path / "store", StoreSettings(shard_characters=5))
    dataset = StoreDataset(tmp_path / "store", row_groups=1)
    for index in (4, 0, 3, 1, 2, 4):
        assert dataset[index].document == f"d{index}"
        assert len(dataset._documents._open) <= 2
    assert len(dataset._documents._files) == 5


def test_collate_pads_and_masks(stored: Path) -> None:
    dataset = StoreDataset(stored, labels={"mill": 0, "bank": 1, "lost": 1, "fox": 0})
    items = [dataset[index] for index in range(4)]
    batch = collate(items)
    longest = max(len(item.words) for item in items)
    assert batch.vectors.shape == (4, longest, 32)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 1, 0]
    assert batch.documents == [item.document for item in items]
    for row, item in enumerate(items):
        assert batch.mask[row].tolist() == [*item.has_vector.tolist(), *[False] * (longest - len(item.words))]
        assert torch.equal(batch.vectors[row][batch.mask[row]], item.vectors[item.has_vector])
    assert not batch.vectors[~batch.mask].any()


def test_labels_of_words_leave_out_padding_and_words_without_a_vector(stored: Path) -> None:
    plain = StoreDataset(stored)
    labels: dict[str, list[Any]] = {
        item.document: list(range(len(item.words))) for item in map(plain.__getitem__, range(4))
    }
    dataset = StoreDataset(stored, labels=labels)
    batch = collate([dataset[index] for index in range(4)])
    assert batch.labels is not None
    assert batch.labels.dtype == torch.long
    assert torch.equal(batch.labels != -100, batch.mask)
    assert batch.labels[batch.documents.index("lost"), :3].tolist() == [0, -100, 2]
    ratings = StoreDataset(stored, labels={name: [value + 0.5 for value in values] for name, values in labels.items()})
    batch = collate([ratings[index] for index in range(4)])
    assert batch.labels is not None
    assert torch.equal(~batch.labels.isnan(), batch.mask)


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.long)])
def test_workers_read_for_themselves(stored: Path, context: str) -> None:
    trial = Path(__file__).parents[1] / "loader_trial.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(trial), str(stored), context],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
    )
    assert (done.returncode, done.stdout) == (0, "2 batches are the same\n"), done.stderr


def test_it_can_be_pickled(stored: Path) -> None:
    dataset = StoreDataset(stored)
    first = dataset[0]
    copied = pickle.loads(pickle.dumps(dataset))
    assert not copied._documents._open
    assert not copied._documents._kept
    assert torch.equal(copied[0].vectors, first.vectors)


def test_a_random_order_reads_each_row_group_once(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = StoreDataset(stored, row_groups=2)
    sampler = dataset.sampler(seed=1)
    orders = [list(sampler) for _ in range(8)]
    assert len(sampler) == 4
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert len({*map(tuple, orders)}) > 1, "each epoch has its order"
    assert orders == [list(again) for again in [dataset.sampler(seed=1)] for _ in range(8)]
    mixed = {tuple(dataset.sampler(seed=seed, at_once=99)) for seed in range(40)}
    assert len(mixed) > 12
    with pytest.raises(InputError, match="at_once=0 mixes nothing"):
        dataset.sampler(at_once=0)


def test_documents_of_one_row_group_stay_together(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_GROUP_ROWS", 8)
    given = [Document(f"d{index}", "A bank.") for index in range(40)]
    embed_to_file(embedder, given, tmp_path / "v.parquet")
    dataset = StoreDataset(tmp_path / "v.parquet", row_groups=2)
    read = Counter[Any]()
    group = dataset._documents._file(0).read_row_group

    def counted(number: int, **options: Any) -> Any:
        read[number] += 1
        return group(number, **options)

    monkeypatch.setattr(dataset._documents._file(0), "read_row_group", counted)
    order = list(dataset.sampler(seed=3))
    assert order != sorted(order)
    assert sorted(item.document for item in map(dataset.__getitem__, order)) == sorted(d.id for d in given)
    assert len(read) == pq.ParquetFile(tmp_path / "v.parquet").num_row_groups == 15
    assert max(read.values()) <= 2, "once, and once more for a document that lies across two"


def test_documents_of_one_name_are_told_apart(tmp_path: Path, embedder: WordEmbedder) -> None:
    embed_to_file(embedder, [Document("same", "A bank."), Document("same", "Money.")], tmp_path / "v.parquet")
    dataset = StoreDataset(tmp_path / "v.parquet")
    assert [item.words for item in map(dataset.__getitem__, range(len(dataset)))] == [
        ["A", "bank", "."],
        ["Money", "."],
    ]


def test_columns_side_by_side_and_a_layer_axis(tmp_path: Path) -> None:
    recipes = [Recipe(1, name="one"), Recipe("0:3", "none", name="layers")]
    embedder = WordEmbedder(*build("bert"), recipes=recipes)
    embed_to_file(embedder, documents()[:2], tmp_path / "v.parquet", dtype="float16")
    path = tmp_path / "v.parquet"
    with pytest.raises(InputError, match=r"has 2 columns of vectors \(vector_one, vector_layers\): choose"):
        StoreDataset(path)
    emb = embedder.encode(TEXTS["mill"])
    layers, one = emb.column("layers"), emb.column("one")
    found = StoreDataset(path, "vector_layers")[0].vectors
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), layers, atol=2e-3)
    both = StoreDataset(path, ["vector_one", "vector_layers"])[0].vectors
    np.testing.assert_allclose(both.numpy(), np.concatenate([one, layers.reshape(len(one), -1)], axis=1), atol=2e-3)
    with pytest.raises(InputError, match=r"Column 'word' of .* holds no vectors"):
        StoreDataset(path, "word")
    with pytest.raises(InputError, match="has no column 'vector': it has document, position"):
        StoreDataset(path, "vector")


def test_what_cannot_be_read_is_told(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(InputError, match="neither a store nor a file"):
        StoreDataset(tmp_path / "nothing")
    (tmp_path / "v.npz").write_bytes(b"")
    with pytest.raises(InputError, match="is not a Parquet file"):
        StoreDataset(tmp_path / "v.npz")
    by_subword = WordEmbedder(*build("bert"), subword_pooling="none")
    embed_to_file(by_subword, documents()[:1], tmp_path / "s.parquet")
    with pytest.raises(InputError, match="has one row per subword"):
        StoreDataset(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="row_groups=0"):
        StoreDataset(stored, row_groups=0)
    with pytest.raises(InputError, match="Document 'mill' has no label"):
        StoreDataset(stored, labels={})[0]
    with pytest.raises(InputError, match="Document 'mill' has 2 labels for 8 words"):
        StoreDataset(stored, labels={"mill": [0, 1]})[0]
    dataset = StoreDataset(stored, labels={"mill": "N", "bank": 0, "fox": [0] * 8, "lost": 1})
    with pytest.raises(InputError, match=r"Labels of document 'mill' are no numbers \('N'\)"):
        collate([dataset[0]])
    with pytest.raises(InputError, match="Documents 'bank' and 'fox' are not labelled alike"):
        collate([dataset[1], dataset[3]])


# ---------------------------------------------------------------- WordPooling

RECIPES = [
    Recipe(-1),
    Recipe("0:", "mean", "first"),
    Recipe("1:3", "sum", "last"),
    Recipe([3, 1], "concat", "max"),
    Recipe("-2:", "none", "sum"),
]
SENTENCES = ["The running water was colder than the standing water.", "A bank wouldn't lend."]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_it_pools_as_the_embedder_does(recipe: Recipe) -> None:
    model, tokenizer = build("bert")
    given = [sentence.split() for sentence in SENTENCES]
    emb = WordEmbedder(model, tokenizer, recipes=[recipe]).encode(given)
    for row, words in enumerate(given):
        inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            states = model(**inputs, output_hidden_states=True).hidden_states
        pooled = WordPooling(recipe, n_blocks=len(states) - 1)(states, [inputs.word_ids()])
        assert pooled.mask.all()
        np.testing.assert_allclose(pooled.vectors[0].numpy(), emb[row].vectors, atol=1e-5)


def test_a_padded_batch_gives_what_its_texts_give() -> None:
    model, tokenizer = build("bert")
    inputs = tokenizer(SENTENCES, return_tensors="pt", padding=True)
    states = model(**inputs, output_hidden_states=True).hidden_states
    ids = [inputs.word_ids(row) for row in range(2)]
    pooling = WordPooling(Recipe("1:", "mean", "max"), n_blocks=len(states) - 1)
    pooled = pooling(states, ids)
    counts = [len({word for word in row if word is not None}) for row in ids]
    assert pooled.mask.sum(dim=1).tolist() == counts
    assert not pooled.vectors[~pooled.mask].any()
    for row in range(2):
        alone = pooling([state[row : row + 1] for state in states], ids[row : row + 1])
        torch.testing.assert_close(pooled.vectors[row, : counts[row]], alone.vectors[0])
    as_tensor = torch.tensor([[-1 if word is None else word for word in row] for row in ids])
    torch.testing.assert_close(pooling(states, as_tensor).vectors, pooled.vectors)
    places = [
        [[i for i, of in enumerate(row) if of == word] for word in range(count)]
        for row, count in zip(ids, counts, strict=True)
    ]
    torch.testing.assert_close(pooling(states, subwords=places).vectors, pooled.vectors)


def test_words_may_overlap_or_lack_a_subword() -> None:
    states = [torch.arange(12.0).reshape(1, 4, 3)]
    pooled = WordPooling(Recipe(0), n_blocks=0)(states, subwords=[[[1, 2], [2], []]])
    assert pooled.mask.tolist() == [[True, True, False]]
    assert pooled.vectors[0].tolist() == [[4.5, 5.5, 6.5], [6.0, 7.0, 8.0], [0.0, 0.0, 0.0]]
    nothing = WordPooling(Recipe(0), n_blocks=0)(states, torch.full((1, 4), -1))
    assert nothing.vectors.shape == (1, 0, 3)
    assert nothing.mask.shape == (1, 0)


@pytest.mark.parametrize("subword_pooling", ["mean", "first", "last", "max", "sum"])
@pytest.mark.parametrize("layer_pooling", ["mean", "sum", "concat", "none"])
def test_gradients_are_right(layer_pooling: Any, subword_pooling: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    states = [torch.randn(2, 4, 3, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(3)]
    ids = torch.tensor([[-1, 0, 0, 1], [0, 2, 2, -1]])
    pooling = WordPooling(Recipe("0:", layer_pooling, subword_pooling), n_blocks=2)
    assert torch.autograd.gradcheck(lambda *given: pooling(given, ids).vectors, states)


def test_a_learned_mix_begins_as_the_mean_and_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    states = [torch.randn(2, 4, 3, dtype=torch.float64, generator=generator) for _ in range(3)]
    ids = torch.tensor([[-1, 0, 0, 1], [0, 1, 1, -1]])
    plain = WordPooling(Recipe("0:"), n_blocks=2)
    mixed = WordPooling(Recipe("0:"), n_blocks=2, mix=True)
    assert not list(plain.parameters())
    torch.testing.assert_close(mixed(states, ids).vectors, plain(states, ids).vectors)
    doubled = mixed.double()

    def of_weights(weights: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        given = {"mix_weights": weights, "mix_scale": scale}
        return torch.func.functional_call(doubled, given, (states, ids)).vectors

    weights = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(of_weights, (weights, torch.tensor(1.5, dtype=torch.float64, requires_grad=True)))
    target = WordPooling(Recipe(1), n_blocks=2)(states, ids).vectors
    optimizer = torch.optim.Adam(doubled.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = (doubled(states, ids).vectors - target).square().mean()
        loss.backward()
        optimizer.step()
    assert torch.softmax(doubled.mix_weights, 0).argmax() == 1  # type: ignore[arg-type]
    assert loss < 1e-2
    assert "learned mix" in repr(doubled)


def test_it_trains_a_network_below_it() -> None:
    model, tokenizer = build("bert")
    model = copy.deepcopy(model)
    inputs = tokenizer(SENTENCES, return_tensors="pt", padding=True)
    states = model(**inputs, output_hidden_states=True).hidden_states
    pooling = WordPooling(Recipe("-2:"), n_blocks=len(states) - 1)
    pooling(states, [inputs.word_ids(row) for row in range(2)]).vectors.sum().backward()
    moved = [
        name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.abs().sum() > 0
    ]
    assert any("embeddings" in name for name in moved)


def test_wrong_use_is_told() -> None:
    states = [torch.zeros(1, 4, 3)] * 3
    with pytest.raises(RecipeError, match="one vector per word"):
        WordPooling(Recipe(0, "mean", "none"), n_blocks=2)
    with pytest.raises(RecipeError, match="layer_pooling is 'concat'"):
        WordPooling(Recipe("0:", "concat"), n_blocks=2, mix=True)
    with pytest.raises(RecipeError, match="Layer 5 does not exist"):
        WordPooling(Recipe(5), n_blocks=2)
    pooling = WordPooling(n_blocks=2)
    with pytest.raises(InputError, match="2 hidden states for 2 blocks, which give 3"):
        pooling(states[:2], torch.zeros(1, 4))
    with pytest.raises(InputError, match="the one or the other"):
        pooling(states)
    with pytest.raises(InputError, match=r"word_ids of shape \(1, 3\) do not fit states of 1 text with 4"):
        pooling(states, torch.zeros(1, 3))
    with pytest.raises(InputError, match=r"word_ids of 1 text, of lengths \[2\], do not fit"):
        pooling(states, [[0, None]])
    with pytest.raises(InputError, match="Subwords of 2 texts do not fit states of 1"):
        pooling(states, subwords=[[], []])
    with pytest.raises(InputError, match="Word 1 of text 0 has subword 4, and the states have 4"):
        pooling(states, subwords=[[[0], [4]]])
