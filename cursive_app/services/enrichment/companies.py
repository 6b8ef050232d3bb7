"""Whether a column of names holds companies, so that they are not looked up as people. Pure.

Careful on purpose: a person's name that is taken for a company's can no longer be looked up, so most of what stands in
the column must be no name of a person, and some of it must say of itself that it is a company.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FEWEST = 5  # names before anything is said of them
_MOST = 0.5  # of the names cannot be a person's
_SAY_SO = 0.1  # of the names have a company's form in them
_FORM = re.compile(
    r"(?i)(?:^|[\s,(])(?:inc|incorporated|llc|llp|l\.l\.c|corp|corporation|ltd|limited|plc|gmbh|ag|se|nv|n\.v|bv|b\.v|s\.a"
    r"|s\.p\.a|spa|oyj?|kg|co|company|companies|group|holdings?|bancorp|bank|trust|partners|industries|technologies"
    r"|systems|laboratories|pharmaceuticals|international|enterprises|brands|foods|energy|resources|properties"
    r"|communications|financial|insurance|airlines|motors|services|solutions|software)\.?(?=$|[\s,)])"
)
_NO_PERSON = re.compile(r"[0-9&@/]|^\S+$")  # "3M", "AT&T"; one word alone is no full name


def are_companies(names: Sequence[str]) -> bool:
    """Whether these values of a column called "Name" are names of companies."""
    seen = [name.strip() for name in names if name.strip()]
    if len(seen) < FEWEST:
        return False
    forms = sum(bool(_FORM.search(name)) for name in seen)
    others = sum(bool(_NO_PERSON.search(name)) and not _FORM.search(name) for name in seen)
    return forms >= _SAY_SO * len(seen) and forms + others > _MOST * len(seen)
