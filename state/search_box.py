"""A search box whose words live in the address.

What is typed goes to the address and comes back with the page's `load`. The box must be made anew when the address was
changed by something else (Back, a link, "Clear filters"), and must be left alone while somebody types in it: a new one
has neither the cursor nor what was typed since.
"""

from __future__ import annotations

import reflex as rx


class SearchBox(rx.State, mixin=True):
    """`search_key` is the React key of the box: it grows when the box has to be made anew."""

    search_key: int = 0

    _in_the_box: str = ""
    _searching: list[str] = []  # words that were sent to the address and have not come back

    def _typed(self, words: str) -> None:
        """These words were typed and are on their way into the address."""
        if words != self._in_the_box:
            self._in_the_box, self._searching = words, [*self._searching[-20:], words]

    def _addressed(self, words: str) -> None:
        """The address asks for these words."""
        if words in self._searching:
            self._searching = self._searching[self._searching.index(words) + 1 :]
        elif words != self._in_the_box:
            self._in_the_box, self._searching = words, []
            self.search_key += 1
