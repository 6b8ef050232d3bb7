"""On a phone the sidebar is hidden: what only it offers has a button in the bar."""

from __future__ import annotations

import re

from cursive_app.pages.settings.sessions import sessions


def test_the_palette_can_be_opened_from_the_bar() -> None:
    drawn = str(sessions().render())
    bar = drawn[drawn.index('className:"app-top"') : drawn.index('id:"content"')]
    (button,) = re.findall(r"className:\"([^\"]*)\"', 'onClick:[^']*ReflexEvent\(\"_call_script\"", bar)
    assert "phone-only" in button.split()
    (opened,) = re.findall(r"getElementById\(\\?'([\w-]+)\\?'\)\?\.click", bar)
    trigger = re.findall(rf"'className:\"palette-trigger\"', [^\]]*'id:\"{opened}\"'", drawn)
    assert len(trigger) == 1, "the button presses the palette's own one"
