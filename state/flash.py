"""The part of a page's state that shows what a posted form had to say."""

from __future__ import annotations

import reflex as rx

from cursive_app.api.flash import read_flash


class FlashState(rx.State, mixin=True):
    """`error` and `notice` for the whole form, `errors` and `typed` by input name."""

    error: str = ""
    notice: str = ""
    errors: dict[str, str] = {}
    typed: dict[str, str] = {}
    _shown_flash: str = ""

    def _read_flash(self, page: str) -> None:
        """Show a flash once; a reload of the page is clean."""
        flash = read_flash(self.router.headers.cookie, page)
        if flash is None or flash.id == self._shown_flash:
            self.error, self.notice, self.errors, self.typed = "", "", {}, {}
            return
        self._shown_flash = flash.id
        self.error, self.notice = flash.error, flash.notice
        self.errors, self.typed = dict(flash.fields), dict(flash.values)
