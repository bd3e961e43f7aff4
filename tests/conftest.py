"""What all tests share."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub: no test touches the network

import torch

# Tiny models gain nothing from threads, and two test processes that fight over two cores lose a lot.
torch.set_num_threads(1)
