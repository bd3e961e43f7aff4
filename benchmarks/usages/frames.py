"""How smoothly the map of many usages moves, in Chromium without a GPU: synthetic usages, no model.

python -m benchmarks.usages.frames [--sizes 10000,100000,200000]    # prints JSON

The map is zoomed and moved once a frame. Measured are the time from one frame to the next (16.7 ms is what a screen
asks for) and the time that drawing takes. Above 100,000 usages the map shows density.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from wordstates import UsageIndex, build_index
from wordstates.explore.app import make_app
from wordstates.explore.app import run as serve
from wordstates.explore.explorer import Explorer

ROOT = Path(__file__).parents[2]
SIZES = "10000,100000,200000"
FRAMES = 120
# A frame: an event, as a person would make it; then what it changed is drawn, and the next frame is waited for.
MOVE = """
async ([kind, frames]) => {
  const canvas = document.getElementById("map");
  const box = canvas.getBoundingClientRect();
  const next = () => new Promise((done) => requestAnimationFrame(done));
  const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
  const gaps = [], draws = [];
  let before = await next();
  for (let frame = 0; frame < frames; frame++) {
    const there = frame < frames / 2;
    if (kind === "zoom")
      canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: there ? -8 : 8, clientX, clientY, cancelable: true }));
    else
      canvas.dispatchEvent(
        new PointerEvent("pointermove", { clientX: clientX + (there ? frame : frames - frame), clientY }),
      );
    const now = await next();
    gaps.push(now - before);
    draws.push(Number(canvas.dataset.drawn));
    before = now;
  }
  return { gaps, draws };
}
"""


def chromium() -> str | None:
    """Find a browser: the one that CHROMIUM names, or Debian's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")


def measure(sizes: list[int]) -> dict[str, Any]:
    """Measure the frames of maps of so many usages.

    Raises:
        SystemExit: If there is no browser.
    """
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "tests"))
    usage_files = import_module("usage_files")  # writes usages without a model
    browser = chromium()
    if browser is None:
        raise SystemExit("Chromium is not there: install Debian's chromium, or name one by CHROMIUM=path.")
    found = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for size in sizes:
            path = Path(folder) / f"{size}.parquet"
            usage_files.write_clusters(path, size)
            build_index(path)
            page = made.new_page(viewport={"width": 1300, "height": 850})
            page.set_default_timeout(600_000)
            page.goto(address(path))
            page.locator("#map[data-settled]").wait_for()
            page.wait_for_timeout(2_000)
            box = page.locator("#map").bounding_box()
            assert box is not None
            middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            found[str(size)] = {"zoom": figures(page.evaluate(MOVE, ["zoom", FRAMES]))}
            page.mouse.move(*middle)
            page.keyboard.down("Shift")
            page.mouse.down()
            found[str(size)]["pan"] = figures(page.evaluate(MOVE, ["pan", FRAMES]))
            page.close()
        made.close()
        return {"browser": made.version, "sizes": found}


def address(path: Path) -> str:
    """Serve the page of an index from a thread, and give its address."""
    addresses: SimpleQueue[str] = SimpleQueue()
    app = make_app(Explorer(UsageIndex(path), model=False), word="bank")
    threading.Thread(target=serve, args=(app, "127.0.0.1", 0), kwargs={"on_ready": addresses.put}, daemon=True).start()
    return addresses.get(timeout=60)


def figures(measured: dict[str, list[float]]) -> dict[str, float]:
    """Give medians and 95th percentiles."""
    return {
        f"{name}{suffix}": round(float(np.percentile(measured[values], percent)), 2)
        for name, values in (("frame_ms", "gaps"), ("draw_ms", "draws"))
        for suffix, percent in (("", 50), ("_95", 95))
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usages.frames", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default=SIZES, help="how many usages each")
    json.dump(measure([int(size) for size in parser.parse_args().sizes.split(",")]), sys.stdout, indent=1)
    print()
