"""The token file and the stylesheets agree, and every text color is readable on every surface it may lie on."""

from __future__ import annotations

import re
from itertools import product

import pytest

from components.tokens import COLORS
from cursive_app.settings import ROOT

THEME = (ROOT / "assets" / "theme.css").read_text(encoding="utf-8")
SHEETS = "".join(sheet.read_text(encoding="utf-8") for sheet in (ROOT / "assets").glob("*.css"))


def values(selector: str) -> dict[str, str]:
    """Custom properties of one block of the theme."""
    block = re.search(rf"^{re.escape(selector)} \{{(.*?)^\}}", THEME, re.S | re.M)
    assert block
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", block[1]))


LIGHT, DARK = values(":root"), values(":root.dark")


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_token_has_a_value_in_both_themes() -> None:
    for variable in COLORS.values():
        assert variable in LIGHT, variable
        assert variable in DARK, variable


def test_stylesheets_use_no_unknown_token() -> None:
    known = set(LIGHT)
    for name in re.findall(r"var\((--[\w-]+)", SHEETS):
        assert name in known or name.startswith("--radix-"), name


SURFACES = ("canvas", "sidebar", "surface", "raised", "sunken", "hover", "selected")
PAIRS = [
    *product(("ink", "ink-2"), SURFACES),
    *product(("ink-3",), ("canvas", "sidebar", "surface", "raised", "sunken")),
    *product(("link",), ("canvas", "surface", "raised")),
    *((tone, f"{tone}-bg") for tone in ("good", "warn", "bad", "info")),
    *product(("bad",), ("surface", "raised", "canvas")),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-accent", "bad-solid"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "background"), PAIRS, ids=lambda name: name)
def test_text_is_readable(theme: str, text: str, background: str) -> None:
    """WCAG AA: 4.5 to 1."""
    palette = LIGHT if theme == "light" else DARK
    ratio = contrast(palette[COLORS[text]], palette[COLORS[background]])
    assert ratio >= 4.5, f"{text} on {background} in the {theme} theme: {ratio:.2f}"
