"""What the command palette finds in the workspace: segments and lists by name, leads by name, e-mail, company or title.

Opening it shows the segments changed last; each pause in typing asks again. The browser filters every answer by what
stands in the field now, so a late one never shows what no longer fits.
"""

from __future__ import annotations

import reflex as rx

from cursive_app.services import enrichment, leads, segments
from cursive_app.services.accounts import Permission, allows
from db.scope import Scope
from state.base import allow, principal, transact

RECENT = 5
MOST = 6
LEAST_LETTERS = 3  # shorter words begin too many names to be worth a search


class PaletteState(rx.State):
    """The objects the palette offers; pages and actions are known to the browser."""

    results: list[dict[str, str]] = []

    @rx.event(supersedes=True)
    @allow("account")
    async def opened(self, is_open: bool):
        """Show what was worked on last."""
        if is_open:
            await self._find("")

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
