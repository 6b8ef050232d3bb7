"""What every page keeps to in both themes and at both widths: no serious accessibility violation, no sideways scroll.

Loading a page is what costs time, so a loaded page is dressed in one look after the other instead of loaded for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

Look = tuple[Literal["light", "dark"], int]
LOOKS: Sequence[Look] = (("light", 1440), ("dark", 390), ("dark", 1440), ("light", 390))
SERIOUS = ("serious", "critical")
HEIGHT = 860
# What runs for ever (a spinner, a skeleton's shimmer) is no motion that ends.
AT_REST = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


def settled(page: Page, route: str) -> None:
    """Open a page and wait until it stopped loading."""
    page.goto(route)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".skeleton")).to_have_count(0)


def wear(page: Page, look: Look) -> None:
    """The theme the system asks for, and the width of the window."""
    scheme, width = look
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": HEIGHT})


def looks(page: Page, route: str, *, first: int = 0) -> Iterator[str]:
    """Open a page and go through all looks; `first` is the one it is loaded in, so that each is loaded by some page."""
    first %= len(LOOKS)
    for number, look in enumerate((*LOOKS[first:], *LOOKS[:first])):
        wear(page, look)
        if number == 0:
            settled(page, route)
        expect(page.locator("html")).to_have_class(re.compile(rf"\b{look[0]}\b"))
        yield f"{look[0]} {look[1]}"


def at_rest(page: Page) -> None:
    """Wait for the end of every motion, which would blur the contrast check."""
    page.wait_for_function(AT_REST)


def serious_violations(page: Page) -> list[str]:
    """What axe finds on the page as it is, once nothing moves any more."""
    at_rest(page)
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]


def assert_sound(page: Page, look: str = "") -> None:
    """No serious accessibility violation, and no sideways scrolling."""
    assert serious_violations(page) == [], f"{page.url} {look}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} {look} is {wide} pixels too wide"
