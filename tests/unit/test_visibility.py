"""A tab that nobody sees does not ask again and again, also when it was opened in the background (JOB-07)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import reflex as rx

from cursive_app.pages.admin.totals import admin_totals
from cursive_app.pages.jobs import jobs


def scripts(component: rx.Component) -> list[str]:
    """What the page runs besides drawing, its parts' included."""
    found = [str(hook) for hook in component._get_all_hooks_internal()]
    return found + [str(hook) for hook in component._get_all_hooks()]


@pytest.mark.parametrize("page", [admin_totals, jobs])
def test_a_page_that_looks_again_tells_at_its_start_whether_it_is_seen(page: Callable[[], rx.Component]) -> None:
    telling = [one for one in scripts(page()) if "set_hidden" in one and "document.hidden" in one]
    at_start = [one for one in telling if one.strip().startswith("useEffect(() =>") and ")()" in one]
    on_change = [one for one in telling if one.strip().startswith("const on_visibility_change")]
    assert at_start, "a tab opened in the background would count as seen"
    assert on_change
