"""Read a stored corpus in a DataLoader's processes and in this one, and compare: a process of its own.

Forking a test process, full of other libraries' threads and of the pipes of the test runner, is nobody's use.
"""

from __future__ import annotations

import sys

import torch
from torch.utils.data import DataLoader

from wordstates.integrations.torch import StoreDataset, collate


def main(path: str, context: str) -> None:
    dataset = StoreDataset(path, row_groups=1)
    first = dataset[0]  # the parent has a file open
    loader = DataLoader(dataset, batch_size=2, collate_fn=collate, num_workers=2, multiprocessing_context=context)
    batches = list(loader)
    alone = list(DataLoader(dataset, batch_size=2, collate_fn=collate))
    assert [batch.documents for batch in batches] == [batch.documents for batch in alone]
    for one, other in zip(batches, alone, strict=True):
        assert torch.equal(one.vectors, other.vectors)
    assert torch.equal(dataset[0].vectors, first.vectors)
    print(f"{len(batches)} batches are the same")


if __name__ == "__main__":
    main(*sys.argv[1:])
