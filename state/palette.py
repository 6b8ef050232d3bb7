"""What the command palette finds in the workspace: segments and lists by name, leads by name, e-mail, company or title.

Opening it shows where this tab was last and the segments changed last; each pause in typing asks again. The browser
filters every answer by what stands in the field now, so a late one never shows what no longer fits.
"""

from __future__ import annotations

import reflex as rx

from cursive_app.errors import CursiveError
from cursive_app.services import enrichment, leads, segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, current_path, principal, transact

RECENT = 5
KEPT = 12  # visits: some lead to what has no line, as the page of a new segment
MOST = 6
LEAST_LETTERS = 3  # shorter words begin too many names to be worth a search


PAGES: dict[str, str] = {
    "/segments": "Segments",
    "/leads": "Leads",
    "/enrichments": "Enrichment",
    "/jobs": "Jobs",
    "/credits": "Credits",
    "/settings/team": "Team",
    "/settings/api-keys": "API keys",
    "/settings/workspace": "Settings",
    "/settings/account": "Your account",
    "/settings/sessions": "Your sessions",
}
"""Pages that may stand among the recent ones, by what they are called."""

# What came from the server stands above the line that was selected when the palette opened. Home is the list's own key
# for its first line; nothing is moved once somebody types.
SELECT_FIRST = """requestAnimationFrame(() => requestAnimationFrame(() => {
  const field = document.querySelector('.palette [cmdk-input]');
  if (field && !field.value) field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home', bubbles: true}));
}))"""


class PaletteState(rx.State):
    """The objects the palette offers; pages and actions are known to the browser."""

    results: list[dict[str, str]] = []
    recent: list[dict[str, str]] = []  # pages of this tab's last visits, newest first
    _visits: list[str] = []

    @rx.event
    @allow("account")
    async def visited(self):
        """A page was opened: remember it. The gate forgets all of it with the session and the workspace."""
        here = current_path().partition("?")[0]
        self._visits = [here, *(path for path in self._visits if path != here)][:KEPT]

    @rx.event(supersedes=True)
    @allow("account")
    async def opened(self, is_open: bool):
        """Show where this tab was and what was worked on last, and select the first line of it."""
        if not is_open:
            return None
        here, who = current_path().partition("?")[0], principal()
        paths = [path for path in self._visits if path != here]
        self.recent = await transact(_places, paths) if who is not None and who.tenant is not None else []
        await self._find("")
        self.results = [one for one in self.results if one["href"] not in paths]
        return rx.call_script(SELECT_FIRST)

    @rx.event(supersedes=True)
    @allow("account")
    async def search(self, text: str):
        """Find what the words name."""
        await self._find(" ".join(text.split())[:100])

    async def _find(self, words: str) -> None:
        who = principal()
        if who is None or who.tenant is None:
            self.results = []
            return
        self.results = await transact(_found, words)


def _places(scope: Scope, paths: list[str]) -> list[dict[str, str]]:
    """Lines of the palette for these addresses; what is gone or may not be seen has none."""
    lines: list[dict[str, str]] = []
    for path in paths:
        _, room, name = (*path.split("/", 2), "", "")[:3]
        kind, label = "page", PAGES.get(path)
        try:
            if label is None and room == "segments" and name != "new":
                kind, label = "segment", segments.get_segment(scope, name).name
            elif label is None and room == "enrichments":
                kind, label = "list", enrichment.get_enrichment(scope, name).filename
        except CursiveError:
            continue  # deleted, or no longer this person's to see
        if label:
            note = "" if kind == "page" else kind.capitalize()
            lines.append({"kind": kind, "label": label, "note": note, "words": "", "href": path})
    return lines[:RECENT]


def _found(scope: Scope, words: str) -> list[dict[str, str]]:
    """Lines of the palette: `kind`, `label`, `note`, `words`, `href`."""
    lines: list[dict[str, str]] = []
    if allows(scope.tenant, Permission.VIEW_SEGMENTS):
        page = segments.list_segments(scope, query=words, limit=MOST if words else RECENT)
        lines += [
            {"kind": "segment", "label": one.name, "note": "Segment", "words": "", "href": f"/segments/{one.id}"}
            for one in page.segments
        ]
    if words and allows(scope.tenant, Permission.VIEW_ENRICHMENTS):
        lists = enrichment.list_enrichments(scope, search=words, limit=MOST)
        lines += [
            {"kind": "list", "label": one.filename, "note": "List", "words": "", "href": f"/enrichments/{one.id}"}
            for one in lists.items
        ]
    if len(words) >= LEAST_LETTERS and allows(scope.tenant, Permission.VIEW_LEADS):
        wanted = leads.parse_filter({"query": words})
        lines += [_lead_line(row) for row in leads.list_leads(scope, filter=wanted, limit=MOST, with_total=False).rows]
    return lines


def _lead_line(row: leads.LeadRow) -> dict[str, str]:
    label = row.name or row.email or "Lead without a name"
    about = " · ".join(part for part in (row.job_title, row.company_name) if part)
    # The words the lead was found by must stand in its line, or the browser would filter it away again.
    return {
        "kind": "lead",
        "label": label,
        "note": about or "Lead",
        "words": " ".join(part for part in (row.email, row.job_title, row.company_name) if part),
        "href": f"/leads?lead={row.id}",
    }
