"""Three threads ask OpenVINO for something at the same moment, after an engine that was kept has been read.

A program of its own, because only the first use in a process is in danger::

    python openvino_trial.py MODEL
"""

from __future__ import annotations

import sys
import threading

import openvino

from wordstates import WordEmbedder


def main() -> None:
    sys.setswitchinterval(1e-6)  # so that threads come between
    embedder = WordEmbedder(sys.argv[1], engine="openvino")
    together = threading.Barrier(3)

    def ask() -> None:
        together.wait()
        openvino.Type.f32.to_dtype()  # what every call does to the arrays that it is given

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(embedder.provenance["engine"])


if __name__ == "__main__":
    main()
