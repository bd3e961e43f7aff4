"""Take the pictures of the docs from the real page: `make demo` first, then `python scripts/pictures.py`."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "examples" / "out" / "well.html"
STATE = "word=well&usage=20&sort=meaning"
MAP: FloatRect = {"x": 0, "y": 51, "width": 582, "height": 566}
LAYERS = range(7)
SECONDS = 0.9  # that each layer is shown


def browser_page(browser: Browser, more: str) -> Page:
    """Open the page in a state, once the points stand still."""
    page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="light")
    page.goto(f"{PAGE.as_uri()}#{STATE}{more}")
    page.locator("#map[data-settled]").wait_for()
    return page


def main() -> None:
    """Open the page that the demo wrote, and photograph it, and its map layer by layer."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        browser_page(browser, "").screenshot(path=ROOT / "docs" / "look.png")
        frames = [
            Image.open(io.BytesIO(browser_page(browser, f"&layer={layer}").screenshot(clip=MAP))) for layer in LAYERS
        ]
        frames[0].save(
            ROOT / "docs" / "look-layers.gif",
            save_all=True,
            append_images=[*frames[1:], *frames[-2:0:-1]],  # there and back
            duration=round(SECONDS * 1000),
            loop=0,
        )
        browser.close()


if __name__ == "__main__":
    main()
