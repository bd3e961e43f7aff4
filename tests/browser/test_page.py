"""The page in a real browser, by real clicks; no request leaves the machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cli_runner import run
from families import save
from patience import A_HANG
from usage_files import write_clusters
from wordstates.explore.app import make_app
from wordstates.explore.app import run as serve
from wordstates.explore.crowd import MOST_IN_SIGHT, MOST_POINTS
from wordstates.explore.explorer import Explorer
from wordstates.explore.notebook import explore_words
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex

pytestmark = pytest.mark.browser

RIVER = ["They sat on the river bank near the old mill.", "The river bank was steep and muddy that year."]
MONEY = ["The bank lends money to nobody.", "She keeps her money in a savings bank downtown."]
ODD = [
    "</script><b>bank</b> &amp; \u202ereversed",
    "جلسوا على bank النهر عند الغروب",
    "A bank " + "verylongword" * 200,
]
WAIT = float(os.environ.get("BROWSER_WAIT", A_HANG)) * 1000  # milliseconds: a limit that only a hang meets


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 60 short texts of two kinds and three hostile ones, with a year each, by a tiny random model."""
    folder = tmp_path_factory.mktemp("page")
    save("bert", folder / "bert")
    texts = [(text, 1900 if number % 3 else 1950) for number in range(15) for text in (*RIVER, *MONEY)]
    rows = [*texts, *((text, 2000) for text in ODD)]
    lines = (json.dumps({"text": text, "year": year}, ensure_ascii=False) for text, year in rows)
    (folder / "texts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run(
        "embed", folder / "texts.jsonl", "-m", folder / "bert", "-o", folder / "store", "--metadata", "year", "-q"
    )
    assert done.code == 0, done.err
    build_index(folder / "store")
    return folder / "store"


def served(explorer: Explorer) -> str:
    """Serve the live page from a thread that ends with the tests."""
    addresses: SimpleQueue[str] = SimpleQueue()
    app = make_app(explorer, word="bank")
    threading.Thread(target=serve, args=(app, "127.0.0.1", 0), kwargs={"on_ready": addresses.put}, daemon=True).start()
    return addresses.get(timeout=A_HANG)


@pytest.fixture(scope="module")
def address(store: Path) -> str:
    return served(Explorer(UsageIndex(store)))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """Give one usage more than the page is given one by one, in three clusters, without a model."""
    path = write_clusters(tmp_path_factory.mktemp("crowd") / "usages.parquet", MOST_POINTS + 1)
    build_index(path)
    return Explorer(UsageIndex(path), model=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "these tests need Debian's chromium or chromium-headless-shell, or CHROMIUM=path"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


def opened(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """Open a page that may speak to its own address only, and that may not complain."""
    context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, **options})  # type: ignore[arg-type]
    context.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    page = context.new_page()
    complaints: list[str] = []
    foreign: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    own = url.split("#")[0]
    page.on(
        "request",
        lambda request: None if request.url.startswith((own, "blob:", "data:")) else foreign.append(request.url),
    )
    page.goto(url)
    yield page
    assert complaints == []
    assert foreign == []
    context.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address)


def settled(page: Page) -> None:
    """Wait until the points of the map stand still."""
    page.locator("#map[data-settled]").wait_for()


def test_the_map_and_the_lines_are_one(page: Page) -> None:
    settled(page)
    expect(page.locator("h1")).to_contain_text("bank")
    expect(page.locator("#count")).to_contain_text("63 usages")
    page.locator(".line").nth(2).click()
    expect(page.locator("#selected")).to_contain_text("The bank lends money")
    expect(page.locator(".line[aria-selected=true]")).to_have_count(1)
    expect(page).to_have_url(re.compile("usage=2"))
    page.keyboard.press("ArrowDown")
    expect(page.locator("#selected")).to_contain_text("savings bank downtown")
    page.locator("#undo").click()
    expect(page.locator("#selected")).to_contain_text("The bank lends money")


def point_at_a_usage(page: Page) -> None:
    """Move the pointer over the map until it is on a point, and the page has said so."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    tip = page.locator(".tip")
    grid = ((x, y) for y in range(8, int(box["height"]), 12) for x in range(8, int(box["width"]) - 50, 12))
    for x, y in grid:  # finer than the reach of a point: none can be missed
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        if tip.is_visible():  # of the point that the pointer is on, as the page has drawn since it moved
            return
    raise AssertionError("no point on the map")


def test_pointing_at_the_map_shows_the_line_and_a_click_pins_it(page: Page) -> None:
    settled(page)
    point_at_a_usage(page)
    expect(page.locator(".tip")).to_contain_text("bank")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#selected")).to_be_visible()


def test_a_lasso_selects(page: Page) -> None:
    settled(page)
    box = page.locator("#map").bounding_box()
    assert box is not None
    corners = [(2, 2), (box["width"] - 60, 2), (box["width"] - 60, box["height"] - 2), (2, box["height"] - 2)]
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    chip = page.locator(".chip")
    expect(chip).to_contain_text("selected on the map")
    chip.click()
    expect(page.locator("#count")).to_contain_text("63 usages")


def test_points_glide_to_another_layer(page: Page) -> None:
    settled(page)
    last = page.locator("#map").get_attribute("data-settled")
    page.locator("#layer").focus()
    page.keyboard.press("Home")
    expect(page.locator("#map")).not_to_have_attribute("data-settled", str(last))
    expect(page.locator("#caption")).to_contain_text("Layer 0 of")
    expect(page).to_have_url(re.compile("layer=0"))


def test_lines_are_sorted_by_meaning_and_filtered(page: Page) -> None:
    page.locator(".line").nth(0).click()
    page.locator("#by-meaning").click()
    first = page.locator(".line").nth(0)
    expect(first).to_have_attribute("aria-selected", "true")
    expect(first.locator(".score")).to_have_text("1.00")
    scores = [float(text) for text in page.locator(".line .score").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    page.locator("#filter").fill("savings")
    expect(page.locator("#count")).to_contain_text("15 of 63 usages")
    with page.expect_download() as saved:
        page.locator("#csv").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8-sig")
    assert text.startswith("document,start,end,left,word,right,sense,similarity,year")
    assert text.count("\n") == 16


def test_a_line_that_is_read_from_the_right_has_what_comes_before_on_its_right(page: Page) -> None:
    page.locator("#lines").focus()
    page.keyboard.press("End")
    for number, is_arabic in ((61, True), (62, False)):
        line = page.locator(f"#line-{number}")
        boxes = [line.locator(part).bounding_box() for part in (".left", "b", ".right")]
        places = [box["x"] for box in boxes if box is not None]
        assert places == sorted(places, reverse=is_arabic)


def test_a_sense_is_renamed_and_stays_so(page: Page, address: str) -> None:
    page.locator(".legend .link").first.click()
    page.locator(".rename").fill("by the water")
    page.keyboard.press("Enter")
    expect(page.locator(".key").first).to_contain_text("by the water")
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".key").first).to_contain_text("by the water")
    page.locator(".legend .link").first.click()
    page.locator(".rename").fill("")
    page.keyboard.press("Enter")
    expect(page.locator(".key").first).not_to_contain_text("by the water")


def test_a_bar_of_the_change_shows_its_lines(page: Page) -> None:
    page.locator("#tab-change").click()
    bars = page.locator("#change .share")
    expect(bars.first).to_be_visible()
    bars.first.click()
    expect(page.locator(".chip")).to_contain_text("year 1900")
    expect(page.locator("#count")).to_contain_text(re.compile(r"\d+ of 63 usages"))


def test_a_sentence_is_read(page: Page) -> None:
    page.locator("#tab-sentence").click()
    page.locator("#sentence").fill("The river bank was unbelievably steep.")
    page.locator("#read").click()
    words = page.locator(".word")
    expect(words).to_have_count(7)
    words.nth(2).click()
    expect(page.locator("#hits li")).to_have_count(10)
    expect(page.locator("#hits mark").first).not_to_be_empty()
    words.nth(1).click()
    expect(page.locator("figure figcaption")).to_contain_text("river")


def test_another_word_is_shown_and_one_that_is_not_there_is_told(page: Page) -> None:
    page.locator("#word").fill("money")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_contain_text("30 usages")
    expect(page.locator("h1")).to_contain_text("money")
    page.locator("#word").fill("river")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("river")


def test_the_keyboard_is_enough(page: Page) -> None:
    settled(page)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#selected")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#selected")).to_be_hidden()
    page.locator("#lines").focus()
    page.keyboard.press("End")
    expect(page.locator(".line[aria-selected=true]")).to_have_attribute("aria-posinset", "63")


def test_an_exported_page_works_from_disk(page: Page, browser: Browser, tmp_path: Path) -> None:
    with page.expect_download() as saved:
        page.locator("#export").click()
    target = tmp_path / "bank.html"
    saved.value.save_as(target)
    for exported in opened(browser, f"file://{target}#word=bank&usage=60"):
        settled(exported)
        expect(exported.locator("#selected")).to_contain_text("</script><b>bank</b> &amp;")
        exported.locator("#tab-sentence").click()
        expect(exported.locator("main")).to_contain_text("needs the model")
        exported.locator("#tab-change").click()
        expect(exported.locator("#change .share").first).to_be_visible()


def test_too_many_usages_are_shown_as_density_until_few_are_in_sight(browser: Browser, crowded: Explorer) -> None:
    total = f"{MOST_POINTS + 1:,}"
    for page in opened(browser, served(crowded)):
        canvas = page.locator("#map")
        page.locator("#map[data-seen=density]").wait_for()
        expect(page.locator("#caption")).to_contain_text(f"{total} usages, shown as density; zoom in to see single")
        expect(page.locator("#count")).to_contain_text(f"2,000 usages, an even sample of {total}")
        page.locator(".key").first.click()
        expect(page.locator("#caption")).not_to_contain_text(total)  # the density of one sense
        page.locator("#undo").click()
        expect(page.locator("#caption")).to_contain_text(total)
        expect(page.locator("#count")).to_contain_text("2,000 usages")

        canvas.focus()
        for _ in range(12):
            page.keyboard.press("+")
            page.locator("#map[data-seen]").wait_for()
            if canvas.get_attribute("data-seen") == "points":
                break
        count = page.locator("#count")
        expect(count).to_contain_text(f"in sight on the map, of {total}")
        assert 0 < int(count.inner_text().split()[0].replace(",", "")) <= MOST_IN_SIGHT
        page.locator(".line").first.click()
        page.locator("#by-meaning").click()
        expect(page.locator(".line .score").first).to_have_text("1.00")
        expect(page.locator(".line").first).to_have_attribute("aria-selected", "true")
        expect(page).to_have_url(re.compile("usage=.*at="))
        selected, there = page.locator("#selected p").first.inner_text(), page.url

        box = canvas.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        page.mouse.down()
        for x, y in ((box["width"] - 60, 2), (box["width"] - 60, box["height"] - 2), (2, box["height"] - 2)):
            page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
        page.mouse.up()
        expect(page.locator(".chip")).to_contain_text("selected on the map")

        page.goto("about:blank")
        page.goto(there)  # the address says what is seen
        expect(page.locator("#selected p").first).to_have_text(selected)
        expect(count).to_contain_text("in sight on the map")
        for _ in range(20):
            page.locator("[aria-label='Zoom out']").click()
        expect(page.locator("#caption")).to_contain_text(f"{total} usages, shown as density")
        expect(page.locator("#count")).to_contain_text("an even sample")
        assert Axe().run(page).response["violations"] == []


def test_a_page_in_a_notebook_works_within_its_frame(browser: Browser, store: Path, tmp_path: Path) -> None:
    """The cell's output alone, as a notebook that was saved shows it."""
    path = tmp_path / "cell.html"
    cell = explore_words(UsageIndex(store), "bank")._repr_html_()
    path.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title>{cell}', encoding="utf-8")
    for page in opened(browser, path.as_uri()):
        frame = page.frame_locator("iframe")
        expect(frame.locator("#count")).to_contain_text("63 usages")
        frame.locator("#map[data-settled]").wait_for()
        frame.locator(".line").nth(2).click()
        expect(frame.locator("#selected")).to_contain_text("The bank lends money")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1300, 850), (390, 844)])
def test_nothing_bars_anybody(browser: Browser, address: str, scheme: str, size: tuple[int, int]) -> None:
    """axe-core finds nothing, and nothing is wider than the window."""
    for page in opened(
        browser, f"{address}#word=bank&usage=1", color_scheme=scheme, viewport={"width": size[0], "height": size[1]}
    ):
        for tab in ("map", "change", "sentence"):
            page.locator(f"#tab-{tab}").click()
            if tab == "sentence":
                page.locator("#read").click()
                page.locator(".word").first.click()
                page.locator("#hits li").first.wait_for()
            found = Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
