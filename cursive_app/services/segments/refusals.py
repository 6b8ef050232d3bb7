"""Which filter to do without when the provider refuses a request (contract §2.2)."""

from __future__ import annotations

from cursive_app.integrations.audiencelab import ProviderRefused
from cursive_app.services.segments.compile_provider import Narrowing
from cursive_app.services.segments.fields import FIELDS


def refused_field(sent: Narrowing, error: ProviderRefused) -> str | None:
    """The field the reply names, else the last one sent that the provider does not document, else None."""
    fields = [condition.field for _, condition in sent.sent.conditions()]
    if error.member:
        said = error.member.rsplit(".", 1)[-1].replace("_", "").casefold()
        for key in fields:
            if said in ((FIELDS[key].member or "").rsplit(".", 1)[-1].casefold(), key.replace("_", "")):
                return key
    return next((key for key in reversed(fields) if not FIELDS[key].is_documented), None)
