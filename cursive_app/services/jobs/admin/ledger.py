"""What is off in the ledger, on every page of the staff until it no longer is (P1)."""

from __future__ import annotations

from cursive_app.services import credits
from cursive_app.services.jobs.admin.staff import require_staff
from cursive_app.services.jobs.admin.views import LedgerAlarm, StaffActor

FINDINGS_SHOWN = 5


def ledger_alarm(actor: StaffActor) -> LedgerAlarm:
    """The newest open findings of the nightly proof. Raises Forbidden."""
    require_staff(actor, "read_only", attempted="ledger_alarm", object_type="ledger")
    findings, total = credits.open_findings(limit=FINDINGS_SHOWN)
    return LedgerAlarm(findings=findings, more=total - len(findings))
