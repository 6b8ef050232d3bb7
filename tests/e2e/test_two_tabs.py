"""One person, two tabs, two workspaces (T16): a tab nobody clicks in never stays on the former workspace's rows."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignedIn, log_in, patient_page
from tests.e2e.soundness import settled
from tests.e2e.test_first_minute import PASSWORD, sign_up
from tests.product import Product

SHARED, OWN = "Harbor & Pine", "Stone & Sons"


def join_the_demo(page: Page, owner: Page, product: Product, address: str) -> None:
    """The owner of the demo workspace invites this address, and its person accepts."""
    settled(owner, "/settings/team")
    owner.get_by_role("button", name="Invite teammate").click()
    dialog = owner.get_by_role("dialog", name="Invite a teammate")
    dialog.get_by_label("E-mail").fill(address)
    dialog.get_by_role("button", name="Send invitation").click()
    expect(dialog).to_have_count(0)
    mail = product.mail(address, subject="invite", seconds=60)
    found = re.search(rf"{re.escape(product.url)}/invite\?\S+", mail["text"])
    assert found, mail["text"]
    page.goto(found.group(0))
    page.get_by_role("button", name=re.compile("^Join")).click()
    page.wait_for_url(lambda url: "/invite" not in url)


def switch(page: Page, name: str) -> None:
    """Choose a workspace in the sidebar's menu."""
    page.get_by_role("button", name="Switch workspace").click()
    page.get_by_role("menuitem", name=re.compile(f"^.*{re.escape(name)}")).click()
    expect(page.get_by_role("complementary", name="Sidebar")).to_contain_text(name)


def test_a_tab_follows_the_workspace_and_keeps_no_rows_of_the_former(
    page: Page, signed_in: SignedIn, product: Product
) -> None:
    owner = signed_in("demo@example.com")
    address = sign_up(page, product)
    if "/login" in page.url:
        log_in(page, address, PASSWORD)
    join_the_demo(page, owner, product, address)
    settled(page, "/leads")
    expect(page.locator("td.lead").first).to_be_visible()
    other = patient_page(page.context)
    settled(other, "/segments")
    switch(other, OWN)
    expect(page.get_by_role("complementary", name="Sidebar")).to_contain_text(OWN)
    expect(page.locator("td.lead")).to_have_count(0)
    page.wait_for_url("**/segments")
    switch(other, SHARED)
    settled(page, "/leads")
    expect(page.locator("td.lead").first).to_be_visible()

    settled(owner, "/settings/team")
    row = owner.get_by_role("row").filter(has_text=address)
    row.get_by_role("button", name=re.compile("^Remove")).click()
    owner.get_by_role("alertdialog").get_by_role("button", name="Remove member").click()
    expect(page.locator("td.lead")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Sidebar")).to_contain_text(OWN)
    other.close()
