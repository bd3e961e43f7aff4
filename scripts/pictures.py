"""Take the pictures of the docs from the real page: `make demo` first, then `python scripts/pictures.py`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "examples" / "out" / "well.html"
PICTURES = {"look.png": "usage=20&sort=meaning", "look-layer.png": "usage=20&sort=meaning&layer=1"}


def main() -> None:
    """Open the page that the demo wrote, and photograph it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, state in PICTURES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="light")
            page.goto(f"{PAGE.as_uri()}#word=well&{state}")
            page.locator("#map[data-settled]").wait_for()
            page.screenshot(path=ROOT / "docs" / name)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
