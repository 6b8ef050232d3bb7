"""Design tokens: the names pages may use for color, type and space.

The values live in `assets/theme.css` as custom properties, one block for light and one for dark; this module gives each
a Tailwind name, so `bg-surface text-ink-2 border-line` follows the theme without a `dark:` twin. A test reads both
files and fails when a name has no value or a text color is under AA contrast on a background it is used on.

Use: text sizes `text-12 … text-28`; ink `ink` (main), `ink-2` (secondary), `ink-3` (hints); backgrounds `canvas`,
`sidebar`, `surface`, `raised`, `sunken`; `line`, `line-2` borders; `accent` once per view; tones always beside a word.
"""

from __future__ import annotations

from typing import Literal

from reflex_base.plugins.shared_tailwind import TailwindConfig

Tone = Literal["neutral", "info", "good", "warn", "bad"]
TONES: tuple[Tone, ...] = ("neutral", "info", "good", "warn", "bad")

COLORS: dict[str, str] = {
    "canvas": "--canvas",
    "sidebar": "--sidebar",
    "surface": "--surface",
    "raised": "--raised",
    "sunken": "--sunken",
    "hover": "--hover",
    "selected": "--selected",
    "line": "--line",
    "line-2": "--line-2",
    "ink": "--ink",
    "ink-2": "--ink-2",
    "ink-3": "--ink-3",
    "accent": "--accent",
    "accent-hover": "--accent-hover",
    "on-accent": "--on-accent",
    "link": "--link",
    "good": "--good",
    "good-bg": "--good-bg",
    "warn": "--warn",
    "warn-bg": "--warn-bg",
    "bad": "--bad",
    "bad-bg": "--bad-bg",
    "bad-solid": "--bad-solid",
    "info": "--info",
    "info-bg": "--info-bg",
}

# size in pixels -> line height in pixels
TYPE: dict[int, int] = {12: 16, 13: 20, 14: 20, 16: 24, 20: 28, 28: 36}

TAILWIND: TailwindConfig = {
    "darkMode": "class",
    "theme": {
        "extend": {
            "colors": {name: f"var({variable})" for name, variable in COLORS.items()},
            "fontSize": {str(size): [f"{size / 16}rem", f"{height / 16}rem"] for size, height in TYPE.items()},
            "borderRadius": {"card": "10px", "control": "7px"},
            "maxWidth": {"page": "1280px", "prose": "68ch"},
        }
    },
}
