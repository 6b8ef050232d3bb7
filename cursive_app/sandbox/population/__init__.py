"""The synthetic people of the sandbox provider: deterministic by (seed, index), realistic in distribution.

Nobody here is a real person: e-mail domains are reserved names (RFC 2606), phone numbers lie in the ranges kept for
fiction (555-0100 to 555-0199). See `Population`.
"""

from __future__ import annotations

from cursive_app.sandbox.population.filters import FilterRefused
from cursive_app.sandbox.population.lookup import find_people
from cursive_app.sandbox.population.population import Population

__all__ = ["FilterRefused", "Population", "find_people"]
