"""`make screenshots`: the pictures of the demo in the README, light and dark."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser, expect
from running import RunningDemo

FOLDER = Path(__file__).parent
ColorScheme = Literal["light", "dark"]
FILES: dict[ColorScheme, Path] = {
    "light": FOLDER / "screenshot.png",
    "dark": FOLDER / "screenshot-dark.png",
}
COLOURS = 96

PRESSED = {
    "Log in": "jwt_logged_in",
    "Update both tokens": "jwt_refresh_updated",
    "Replay the old token": "jwt_reuse_detected",
}
"""What is pressed, and the signal that has to arrive."""


def take(browser: Browser, site: str, scheme: ColorScheme) -> None:
    """Lets a thief be noticed, and takes the picture of it."""
    page = browser.new_page(
        color_scheme=scheme,
        viewport={"width": 1280, "height": 1060},
        locale="en-GB",
        reduced_motion="reduce",
    )
    page.goto(site)
    for button, signal in PRESSED.items():
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(signal, timeout=30_000)
        expect(page.locator("[aria-busy]")).to_have_count(0)
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=FILES[scheme])
    page.close()
    # A third of the bytes, and nobody sees the difference.
    with Image.open(FILES[scheme]) as picture:
        picture.convert("RGB").quantize(COLOURS).save(FILES[scheme], optimize=True)


def main() -> None:
    """Starts a demo for each picture, so that both begin with an empty page."""
    with chromium() as browser:
        for scheme in FILES:
            with tempfile.TemporaryDirectory() as folder:
                demo = RunningDemo(Path(folder), MODE="TWO-COOKIES")
                try:
                    demo.wait_until_it_answers()
                    take(browser, f"http://127.0.0.1:{demo.port}/", scheme)
                finally:
                    demo.stop()


if __name__ == "__main__":
    main()
