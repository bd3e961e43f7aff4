"""For PyTorch: stored vectors as a dataset, and word vectors inside a network."""

from __future__ import annotations

from wordstates.integrations.torch.store_dataset import StoreDataset, StoredDocument, WordBatch, collate
from wordstates.integrations.torch.word_pooling import PooledWords, WordPooling

__all__ = ["PooledWords", "StoreDataset", "StoredDocument", "WordBatch", "WordPooling", "collate"]
