"""report.html in a real browser: opened from disk, used as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from pipeline.report import PAGE_BYTES, Sampling, catalogue_report, report_html
from pipeline.report.comparison.results import comparison_results
from tests.support.browser import Browser, needs_browser, run_browser
from tests.support.comparisons import made_up_contest
from tests.support.report_rows import CODED, FAILED, HOSTILE, KEPT, committed
from tests.support.shard_rows import make_row

pytestmark = [pytest.mark.browser, needs_browser]
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
FIRST_CELLS = "#table .tabulator-row .tabulator-cell:first-child"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with run_browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    rows = [
        make_row(
            f"photos/{number:03d}.png",
            **{**CODED, "width": 128, "height": 64, "bpp": 0.5 + number / 100},
            psnr_db=30 + number / 10,
            quality=34,
        )
        for number in range(60)
    ]
    rows += [
        make_row(HOSTILE, **CODED, psnr_db=20.0, quality=3),
        make_row("kept.gif", **{**KEPT, "reason": "animation of 12 frames"}),
        make_row("no.png", None, **{**FAILED, "reason": HOSTILE}),
    ]
    storage, catalogue = committed(folder / "archive", rows)
    report = catalogue_report(storage, catalogue, sampling=Sampling(count=24))
    comparison = made_up_contest(catalogue, shown=[*report.worst_pictured, *report.median_pictured])
    report = replace(report, comparison=comparison, results=comparison_results(comparison))
    path = folder / "report.html"
    path.write_bytes(report_html(report))
    return path


def test_it_opens_from_disk_in_silence_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        assert opened.said == []
        assert opened.asked == []
        assert opened.number("document.querySelectorAll('canvas').length") >= 6
        assert "smaller than your files" in opened.texts(".tile")[0]
        assert opened.number("document.querySelectorAll('img:not([alt]), img[alt=\"\"]').length") == 0
        assert opened.number("document.querySelectorAll('h1').length") == 1
    assert page.stat().st_size < PAGE_BYTES


def test_hostile_text_stays_text(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        opened.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        assert opened.number("document.querySelectorAll('img[src=x]').length") == 0
        assert (
            opened.texts(FIRST_CELLS)[0]
            .replace("\n", " ")
            .startswith("</script><img src=x onerror=alert(1)>")
        )
        assert HOSTILE[:30] in opened.page.locator(".shot.on .key").inner_text()
        opened.page.select_option("#status", "failed")
        expect(opened.page.locator("#found")).to_have_text("1 of 63 rows")
        assert opened.number("document.querySelectorAll('img[src=x]').length") == 0


def test_the_table_sorts_by_mouse_and_by_keyboard(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        heading = opened.page.locator("#table .tabulator-col[tabulator-field=psnr_db]")
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.click()
        assert heading.get_attribute("aria-sort") == "descending"
        assert opened.texts(FIRST_CELLS)[0] == "photos/059.png"
        key = opened.page.locator("#table .tabulator-col[tabulator-field=key]")
        key.focus()
        opened.page.keyboard.press("Enter")
        assert key.get_attribute("aria-sort") == "ascending"
        assert opened.texts(FIRST_CELLS)[1].startswith("kept.gif")
        opened.page.keyboard.press("Space")
        assert key.get_attribute("aria-sort") == "descending"


def test_the_table_searches(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        assert opened.page.locator("#found").inner_text() == "63 of 63 rows"
        opened.page.fill("#search", "ANIMATION")
        expect(opened.page.locator("#found")).to_have_text("1 of 63 rows")
        assert "animation of 12 frames" in opened.texts(FIRST_CELLS)[0]
        opened.page.fill("#search", "photos/01")
        expect(opened.page.locator("#found")).to_have_text("10 of 63 rows")


def test_images_and_views_switch_by_keyboard(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        first = opened.page.locator(".shot.on .key").inner_text()
        opened.page.focus("input[name=picture]:checked")
        opened.page.keyboard.press("ArrowDown")
        assert opened.page.locator(".shot.on .key").inner_text() != first
        assert opened.page.locator(".shot.on").count() == 1
        assert opened.page.locator(".shot.on .difference").is_hidden()
        opened.page.check("input[value=difference]")
        assert opened.page.locator(".shot.on .difference").is_visible()
        assert opened.page.locator(".shot.on img-comparison-slider").is_hidden()
        opened.page.check("input[value=flicker]")
        value = "Number(document.querySelector('.shot.on img-comparison-slider').value)"
        assert opened.number(value) == 100
        opened.page.focus("#flip")
        opened.page.keyboard.press("Enter")
        assert opened.number(value) == 0
        assert opened.page.locator("#flip").inner_text() == "Show original"


def test_a_picture_doubles(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        slider = opened.page.locator(".shot.on img-comparison-slider")
        pixels = opened.number("document.querySelector('.shot.on img').naturalWidth")
        opened.page.check("#double")
        box = slider.bounding_box()
        assert box is not None
        assert box["width"] >= 2 * pixels
        assert opened.page.evaluate("document.body.scrollWidth <= innerWidth")


def test_the_table_has_thumbnails_of_what_is_pictured(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        assert opened.page.locator("#table .thumbnail").count() > 0


def test_the_slider_moves_by_keyboard(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        value = "Number(document.querySelector('.shot.on img-comparison-slider').value)"
        before = opened.number(value)
        opened.page.focus(".shot.on img-comparison-slider")
        opened.page.keyboard.down("ArrowLeft")
        opened.page.wait_for_timeout(300)
        opened.page.keyboard.up("ArrowLeft")
        assert opened.number(value) < before


def test_the_curves_change_their_measure(browser: Browser, page: Path) -> None:
    with browser.open(page, **WIDE) as opened:
        titles = "Chart.getChart('curves').options.scales.y.title.text.startsWith('MS-SSIM') ? 1 : 0"
        assert opened.number(titles) == 0
        assert opened.number("Chart.getChart('curves').data.datasets.length") == 3
        opened.page.check("input[value=ms_ssim]")
        assert opened.number(titles) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(browser: Browser, page: Path, scheme: str) -> None:
    luminance = """name => {
        const parts = getComputedStyle(document.body)[name].match(/[0-9.]+/g).slice(0, 3).map(Number);
        const linear = parts.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    }"""
    with browser.open(page, **WIDE, color_scheme=scheme) as opened:
        ink, paper = (float(opened.page.evaluate(luminance, name)) for name in ("color", "backgroundColor"))
        assert (ink < paper) == (scheme == "light")
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
        assert opened.said == []


def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, page: Path) -> None:
    with browser.open(page, **PHONE) as opened:
        assert opened.number("document.documentElement.scrollWidth") == 390
        headings = [text for text in opened.texts("#table .tabulator-col") if text]
        assert {"key", "ratio", "PSNR, dB"} <= {text.strip() for text in headings}
        assert opened.said == []


def test_print_shows_every_picture_and_no_controls(browser: Browser, page: Path, tmp_path: Path) -> None:
    with browser.open(page, **WIDE, color_scheme="dark") as opened:
        opened.page.emulate_media(media="print")
        assert opened.page.locator("nav").is_hidden()
        assert opened.page.locator(".controls").is_hidden()
        assert (
            opened.number("[...document.querySelectorAll('.shot')].filter(s => s.offsetHeight > 0).length")
            == 9
        )
        paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        opened.page.pdf(path=str(tmp_path / "report.pdf"))
        assert (tmp_path / "report.pdf").stat().st_size > 50_000
