"""What becomes of an embedder in processes that are forked from this one, or spawned: prints JSON.

A program of its own, because the threads of the tests' process would be part of the trial::

    python fork_trial.py MODEL SMALL_MODEL
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset, disable_progress_bars

from wordstates import WordEmbedder, set_threads
from wordstates.encode.session import Session
from wordstates.model.torch_engine import alone_with

TEXTS = [f"The old mill by river {number} runs past the bank." for number in range(60)]


def summed(embedder: WordEmbedder) -> float:
    return float(abs(embedder.encode(TEXTS).vectors).sum())


def facts(embedder: WordEmbedder | Session) -> dict[str, Any]:
    found = embedder.encode(TEXTS)
    return {"sum": float(abs(found.vectors).sum()), "engine": found.provenance["engine"]}


def forked(do: Callable[[], Any]) -> Any:
    """Do something in a process that is forked here; give what it gave, or its error."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = do()
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(theirs, json.dumps(answer).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        answer = json.loads(pipe.read() or '"died"')
    os.waitpid(child, 0)
    return answer


def while_another_thread_computes(embedder: WordEmbedder) -> Any:
    """Fork at the worst moment: a pass is on its way, in a thread that the child will not have."""
    inside, go_on = threading.Event(), threading.Event()

    def passes() -> None:
        with alone_with(embedder._model.engines.reference.network):
            inside.set()
            go_on.wait()

    thread = threading.Thread(target=passes)
    thread.start()
    inside.wait()
    answer = forked(lambda: facts(embedder))
    go_on.set()
    thread.join()
    return answer


def main() -> None:
    torch.set_num_threads(2)
    disable_progress_bars()
    model = sys.argv[1]
    plain = WordEmbedder(model, engine="torch")
    expected = facts(plain)
    found = {"here": expected}
    found["forked"] = forked(lambda: facts(plain))
    found["loaded in the child"] = forked(lambda: (set_threads(2), facts(WordEmbedder(model, engine="torch")))[1])
    found["from a pickle, forked"] = forked(lambda: facts(pickle.loads(pickle.dumps(plain))))
    found["its copy"] = facts(copy.deepcopy(plain))
    found["while another thread computes"] = while_another_thread_computes(plain)
    pending = plain.submit(TEXTS * 20)
    found["asked for what another process computes"] = forked(lambda: len(pending.result().words))
    pending.result()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found["pool, forked"] = pool.map(summed, [plain] * 2)
    table = Dataset.from_dict({"text": TEXTS[:4]})
    mapped = table.map(lambda row: {"words": len(plain.encode(row["text"]).words)}, num_proc=2)
    found["datasets.map"] = mapped["words"][:]
    small = sys.argv[2]
    insisting, auto = WordEmbedder(small, engine="openvino"), WordEmbedder(small)
    session = auto.session()
    found["openvino, here"], found["auto, here"] = facts(insisting), facts(session)
    found["openvino, forked"] = forked(lambda: facts(insisting))
    found["auto, forked"] = forked(lambda: facts(session))
    found["openvino, loaded in the child"] = forked(lambda: facts(WordEmbedder(small, engine="openvino")))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found["pool, spawned"] = pool.map(summed, [insisting])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
