"""What stands beside the filter speaks of this filter: the explanation, the count and the sample."""

from __future__ import annotations

from collections.abc import Callable

from cursive_app.services import leads
from state.segment_builder import SegmentBuilderState as Builder
from tests.factories import Cast
from tests.factories_leads import make_person
from tests.factories_segments import make_segment, where
from tests.state.driver import Tab, sign_in
from tests.state.test_segments_pages import opened

Driver = Callable[..., Tab]
MY_TEXANS = where({"field": "state", "include": ["TX"]}, scope="leads")


def own(cast: Cast, *states: str) -> None:
    """Leads of these states, "tx0@acme.example" and so on."""
    people = [make_person(state=state, email=f"{state}{n}@acme.example") for n, state in enumerate(states)]
    with cast.alice.begin() as scope:
        leads.intake(scope, people, source="manual")


async def test_an_explanation_goes_with_the_filter_it_spoke_of(driver: Driver, cast: Cast) -> None:
    own(cast, "NY")
    made, other = make_segment(cast.alice, MY_TEXANS), make_segment(cast.alice, MY_TEXANS)
    path = f"/segments/{made.id}"
    tab = await opened(driver(sign_in(cast.alice)), path)

    async def explained(who: str = "NY0@acme.example") -> None:
        await tab.send(Builder.explain, path=path, form={"who": who})

    def said() -> tuple[str, int, str]:
        return tab.var(Builder, "why_verdict"), len(tab.var(Builder, "why_rows")), tab.var(Builder, "why_error")

    await explained()
    assert said() == ("out", 1, "")
    await tab.post(Builder.add_row, path, {"group": "", "field": "seniority"})
    assert said() == ("out", 1, ""), "an empty row asks for nothing yet"
    await tab.post(Builder.add_value, path, {"path": "0", "value": "NY"})
    assert said() == ("", 0, "")
    assert tab.var(Builder, "why_name") == ""
    await explained("nobody@acme.example")
    assert "No lead" in said()[2]
    await tab.post(Builder.remove_value, path, {"path": "0", "value": "NY"})
    assert said() == ("", 0, "")
    await explained()
    await tab.send(Builder.set_scope, path=path, scope="provider")
    assert said() == ("", 0, "")
    await tab.send(Builder.set_scope, path=path, scope="leads")
    await explained()
    await opened(tab, f"/segments/{other.id}")
    assert said() == ("", 0, "")
