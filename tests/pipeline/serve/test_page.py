"""The page in a real browser, used as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import Browser, Opened, needs_browser, run_browser
from tests.support.image_archives import fill
from tests.support.painted_site import HOSTILE, odd_rows, painted_row, painted_site

pytestmark = [pytest.mark.browser, needs_browser]
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
IMAGES = 210
"""More than one sheet."""
FIRST_SHEET = re.compile(r"/api/images\?(?!.*start=)")
FIRST_OF_SECOND_SHEET = "b/0191.png"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    archive = tmp_path_factory.mktemp("page") / "archive"
    fill(str(archive), [*map(painted_row, range(IMAGES)), *odd_rows()])
    with painted_site(archive) as address:
        yield f"{address}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with run_browser() as started:
        yield started


def errors(opened: Opened) -> list[str]:
    return [words for words in opened.said if not words.startswith("warning")]


def is_in_sight(opened: Opened, selector: str) -> bool:
    box = opened.page.locator(selector).bounding_box()
    return bool(box) and 0 <= box["y"] < 800


def test_the_grid_fills_search_narrows_and_an_image_opens(browser: Browser, address: str) -> None:
    with browser.visit(address, ".tile img.come", **WIDE) as opened:
        page = opened.page
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        expect(page.locator("#said")).to_have_text(f"{IMAGES + 3} images")
        assert page.locator(".tile canvas").count() >= 10, "blurs"
        assert sum("api/previews?" in url for url in opened.asked) <= 2, "previews of a screen come together"
        page.fill("#filter", "psnr<30 a/")
        expect(page.locator("#said")).to_have_text("24 of 213 images")
        page.fill("#filter", "psnr<high")
        page.keyboard.press("Enter")
        expect(page.locator("#said mark")).to_have_text("psnr<high")
        expect(page.locator("#filter")).to_be_focused()
        page.fill("#filter", "")
        page.select_option("#order", "worst")
        expect(page.locator(".tile").first).to_have_attribute("title", HOSTILE)
        page.locator(".tile").first.click()
        expect(page.locator("#name")).to_have_text(HOSTILE)
        expect(page.locator("#told .headline")).to_contain_text("smaller than its file")
        expect(page.locator("#zoom canvas")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#name")).to_have_text("a/0000.png")
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        expect(page.locator(".tile").nth(1)).to_be_focused()
        page.go_back()
        expect(page.locator("#filter")).to_have_value("psnr<high")
        assert opened.number("document.querySelectorAll('img[src=x]').length") == 0
        assert {words.partition(":")[0] for words in errors(opened)} <= {"error"}
        assert all("status of 400" in words for words in errors(opened)), "the filter that was refused"
        assert all(url.startswith((address, "blob:")) for url in opened.asked)


def test_a_permalink_shows_its_image_where_it_stands(browser: Browser, address: str) -> None:
    with browser.visit(f"{address}?image=b%2F0201.png", "#viewer[open] .headline", **WIDE) as opened:
        page = opened.page
        expect(page.locator("#viewer .previous")).to_be_enabled()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#name")).to_have_text("b/0199.png")
        page.keyboard.press("Escape")
        expect(page.locator("[title='b/0199.png']")).to_be_focused()
        assert is_in_sight(opened, "[title='b/0199.png']")
        assert page.url == address
        page.evaluate("scrollTo(0, 1e9)")
        expect(page.locator(".why")).to_have_text(["no such file: <b>y</b>", "no picture"])
        page.locator(".tile.failed").click()
        expect(page.locator("#why")).to_have_text("no such file: <b>y</b>")
        expect(page.locator("aside")).not_to_contain_text("null")
        assert errors(opened) == []


def test_arrows_begin_at_the_first_image_in_sight_whatever_is_still_to_come(
    browser: Browser, address: str
) -> None:
    held: list[Any] = []
    with browser.visit(address, ".tile", **WIDE) as opened:
        page = opened.page
        page.route(FIRST_SHEET, lambda route: held.append(route))
        page.goto(f"{address}?image=b%2F0201.png")
        expect(page.locator("#viewer .previous")).to_be_enabled()
        page.keyboard.press("Escape")
        expect(page.locator("[title='b/0201.png']")).to_be_focused()
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".tile:focus")).to_have_attribute("title", FIRST_OF_SECOND_SHEET)
        for route in held:
            route.continue_()
        expect(page.locator("[title='b/0187.png']")).to_be_attached()
        assert is_in_sight(opened, ".tile:focus")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".tile:focus")).to_have_attribute("title", re.compile("b/01[78].*"))
        assert is_in_sight(opened, ".tile:focus")


def test_lines_of_the_last_sheet_are_of_images_that_exist(browser: Browser, address: str) -> None:
    ranks = """import("./page/heights.js").then(({ Heights }) => {
        const heights = new Heights({ total: 250, sheets: 2 }, 0);
        heights.estimate(1000, 200);
        return [0, heights.top(1), heights.top(2) - 1, 1e9].map((line) => heights.rankAt(line));
    })"""
    with browser.visit(address, ".tile", **WIDE) as opened:
        assert opened.page.evaluate(ranks) == [0, 200, 249, 249]
