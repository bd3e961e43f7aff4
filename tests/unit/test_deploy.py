"""The files of `deploy/` against what they name: options, routes, metrics, extras. Nothing here runs Docker."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from cli_runner import run
from wordstates.serve.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def instructions() -> dict[str, list[str]]:
    """Give the instructions of the Dockerfile, by their names."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        found.setdefault(name, []).append(rest)
    return found


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def test_the_image_runs_a_command_that_is_there() -> None:
    made = instructions()
    entry, more = (re.findall(r'"([^"]*)"', made[name][0]) for name in ("ENTRYPOINT", "CMD"))
    shown = run("serve", "--help").out
    assert entry[:2] == ["wordstates", "serve"]
    for option in (each for each in [*entry, *more] if each.startswith("-")):
        assert re.search(rf"(?<!\S){option}\b", shown), option
    assert f"[default: {made['EXPOSE'][0]};" in shown
    assert made["STOPSIGNAL"] == ["SIGTERM"]


def test_the_image_installs_extras_that_are_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    installed = re.search(r"pip install .*-c (\S+) \"\.\[([\w,]+)\]\"", instructions()["RUN"][0])
    assert installed is not None
    assert (ROOT / installed[1]).is_file()
    assert {"serve"} <= set(installed[2].split(",")) <= set(extras)


def test_compose_builds_it_waits_for_it_and_watches_it() -> None:
    services = loaded("compose.yaml")["services"]
    words, prometheus = services["words"], services["prometheus"]
    assert (DEPLOY / words["build"]["context"]).resolve() == ROOT
    assert (ROOT / words["build"]["dockerfile"]).is_file()
    assert int(words["stop_grace_period"].removesuffix("s")) > Limits().drain_seconds
    port = instructions()["EXPOSE"][0]
    assert all(each.startswith("127.0.0.1:") and each.endswith(f":{port}") for each in words["ports"])
    config, where, mode = prometheus["volumes"][0].split(":")
    assert (DEPLOY / config).is_file()
    assert (where, mode) == ("/etc/prometheus/prometheus.yml", "ro")
    (job,) = loaded(config)["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"words:{port}"]}]  # at /metrics, where Prometheus looks by itself
