"""What the browser knows of its address before the server has been told.

Going from one row to another of the same page keeps the state of the page: until its load has come, the old row would
stand under the new address.
"""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.vars import BooleanVar, StringVar, VarData

from components.binding import Text, text

_LOCATION = VarData(
    imports={"react-router": "useLocation"},
    hooks={"const addressPath = useLocation().pathname.replace(/\\/+$/, '')": None},
)
_LAST = rx.Var("addressPath.slice(addressPath.lastIndexOf('/') + 1)", _var_data=_LOCATION).to(str)


def left_behind(shown: Text, loaded: Text = "") -> BooleanVar:
    """Whether a state shows the row `shown`, the last part of a path as it was written, and the address is another's.
    A state that shows none is of any address. `loaded`: what the last load was for, where the row can change without
    one, as when it is saved as new: its page stays until the address follows."""
    return ((text(shown) != "") & (text(shown) != _LAST) & (text(loaded) != _LAST)).to(bool)


def of_address(status: Text, shown: Text, loaded: Text = "") -> StringVar[Any]:
    """The page's status, "loading" where the row it shows was left behind."""
    return rx.cond(left_behind(shown, loaded), "loading", status).to(str)


__all__ = ["left_behind", "of_address"]
