"""The team: members, open invitations, and the table of what each role may do."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.binding import items
from components.buttons import ghost, primary, quiet_danger, submit
from components.dialog import confirm, modal
from components.feedback import failure, list_states, no_permission, nothing_yet, pill, relative_time
from components.form import field, select, text_input
from components.icons import icon
from components.shell import section
from components.table import Column, data_table, skeleton_table, table_card
from cursive_app.pages.settings.layout import settings_page
from cursive_app.services.accounts import PERMISSIONS, Permission
from db.roles import Role
from state.permission_words import PERMISSION_WORDS
from state.session import ROLE_WORDS
from state.team import TeamState as S

ROLE_OPTIONS = tuple((role.value, ROLE_WORDS[role]) for role in Role)
LESSER_ROLES = tuple(option for option in ROLE_OPTIONS if option[0] != Role.OWNER.value)


def _person(row: Any) -> rx.Component:
    return rx.el.span(
        row.name,
        rx.cond(row.is_you, pill("You", "neutral", dot=False), rx.fragment()),
        class_name="inline-flex items-center gap-2",
    )


def _role(row: Any) -> rx.Component:
    def choice(options: Any) -> rx.Component:
        # Without an id: Reflex would read it in place of the field of the same name in the invitation form.
        return rx.el.div(
            rx.el.select(
                *[rx.el.option(label, value=value) for value, label in options],
                value=row.role,
                on_change=lambda role: S.choose_role(row.user_id, role),
                aria_label="Role of " + row.name,
                class_name="input input-sm",
            ),
            icon("chevron-down"),
            class_name="select-wrap w-36",
        )

    return rx.cond(row.can_change, rx.cond(S.is_owner, choice(ROLE_OPTIONS), choice(LESSER_ROLES)), row.role_word)


def _leave(row: Any) -> rx.Component:
    word = rx.cond(row.is_you, "Leave", "Remove")
    whose = rx.cond(row.is_you, "Leave this workspace", "Remove " + row.name + " from the team")
    return rx.cond(
        row.can_change | row.is_you,
        quiet_danger(word, size="sm", on_click=S.ask_remove(row.user_id), aria_label=whose),
        rx.fragment(),
    )


MEMBER_COLUMNS = (
    Column("name", "Member", _person, lead=True),
    Column("email", "E-mail", lambda r: r.email),
    Column("role", "Role", _role),
    Column("seen", "Last seen", lambda r: relative_time(r.seen, exact=r.seen_exact)),
    Column("joined", "Joined", lambda r: rx.el.span(r.joined, class_name="num")),
    Column("remove", "Action", _leave, right=True),
)

INVITATION_COLUMNS = (
    Column("email", "Invited", lambda r: r.email, lead=True),
    Column("role", "Role", lambda r: r.role_word),
    Column("by", "By", lambda r: r.invited_by),
    Column("sent", "Sent", lambda r: r.sent),
    Column("expires", "Works", lambda r: rx.cond(r.is_expired, pill("Expired", "warn"), r.expires)),
    Column(
        "act",
        "Actions",
        lambda r: rx.el.span(
            ghost("Send again", size="sm", on_click=S.resend(r.id), aria_label="Send again to " + r.email),
            quiet_danger(
                "Withdraw", size="sm", on_click=S.ask_revoke(r.id), aria_label="Withdraw the invitation of " + r.email
            ),
            class_name="inline-flex gap-1",
        ),
        right=True,
    ),
)


def _matrix() -> rx.Component:
    def cell(role: Role, permission: Permission) -> rx.Component:
        allowed = permission in PERMISSIONS[role]
        return rx.el.td(
            icon("check", size=15, class_name="mx-auto text-good", custom_attrs={"aria-hidden": "true"})
            if allowed
            else rx.el.span("–", class_name="text-ink-3", custom_attrs={"aria-hidden": "true"}),
            rx.el.span("Yes" if allowed else "No", class_name="sr-only"),
            class_name="text-center",
        )

    table = rx.el.div(
        rx.el.table(
            rx.el.caption("What each role may do", class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Permission", scope="col"),
                    *[rx.el.th(ROLE_WORDS[role], scope="col", class_name="text-center") for role in Role],
                )
            ),
            rx.el.tbody(
                *[
                    rx.el.tr(
                        rx.el.th(
                            PERMISSION_WORDS[permission], scope="row", class_name="text-left font-normal text-ink"
                        ),
                        *[cell(role, permission) for role in Role],
                    )
                    for permission in Permission
                ]
            ),
            class_name="grid-table",
        ),
        class_name="table-scroll",
        role="region",
        aria_label="What each role may do",
        tab_index=0,
    )
    return table_card(table)


def _invite_form() -> rx.Component:
    return modal(
        "Invite a teammate",
        rx.el.form(
            field(
                "email",
                "E-mail",
                text_input(
                    "email",
                    type="email",
                    required=True,
                    max_length=254,
                    auto_complete="off",
                    error=S.invite_errors.get("email", ""),
                ),
                error=S.invite_errors.get("email", ""),
            ),
            field(
                "invite_role",
                "Role",
                rx.cond(
                    S.is_owner,
                    select("invite_role", ROLE_OPTIONS, name="role", default_value="member"),
                    select("invite_role", LESSER_ROLES, name="role", default_value="member"),
                ),
                hint="The table on this page says what each role may do.",
                error=S.invite_errors.get("role", ""),
            ),
            rx.el.div(submit("Send invitation", pending=S.sending), class_name="flex justify-end"),
            on_submit=S.invite,
            class_name="flex flex-col gap-4",
        ),
        is_open=S.inviting,
        on_open_change=S.show_invite,
        description="We mail a link that works for 7 days and for this address only.",
    )


def _remove_dialog() -> rx.Component:
    return confirm(
        is_open=S.removing_id != "",
        on_open_change=S.set_removing,
        title=rx.cond(S.removing_you, "Leave this workspace?", "Remove " + S.removing_name + " from the team?"),
        consequence=rx.cond(
            S.removing_you,
            "You lose access at once; API keys you made and runs you started stop, and open invitations you sent are "
            "withdrawn. A paused run waits until somebody else resumes or stops it. Leads and segments stay.",
            "They lose access at once; API keys they made and runs they started stop, and open invitations they sent "
            "are withdrawn. A paused run waits until somebody else resumes or stops it. Leads and segments stay.",
        ),
        action=rx.cond(S.removing_you, "Leave workspace", "Remove member"),
        on_confirm=S.remove,
    )


def _role_dialog() -> rx.Component:
    return confirm(
        is_open=S.changing_id != "",
        on_open_change=S.set_changing,
        title=S.changing_title,
        consequence=S.changing_consequence,
        action="Change role",
        on_confirm=S.change_role(S.changing_id, S.changing_role),
    )


def _withdraw_dialog() -> rx.Component:
    return confirm(
        is_open=S.withdrawing_id != "",
        on_open_change=S.set_withdrawing,
        title="Withdraw the invitation of " + S.withdrawing_email + "?",
        consequence="The link they were mailed stops working at once. You can invite them again.",
        action="Withdraw invitation",
        on_confirm=S.revoke(S.withdrawing_id),
    )


def team() -> rx.Component:
    invitations = section(
        "Open invitations",
        table_card(data_table(INVITATION_COLUMNS, rows=S.invitations, key=lambda r: r.id, caption="Open invitations")),
        card=False,
    )
    ready = rx.el.div(
        section(
            "Members",
            table_card(data_table(MEMBER_COLUMNS, rows=S.members, key=lambda r: r.user_id, caption="Members")),
            card=False,
        ),
        rx.cond(items(S.invitations).length() > 0, invitations, rx.fragment()),
        section("Roles", _matrix(), card=False, hint="API keys never get more than their maker may do."),
        class_name="flex flex-col gap-8",
    )
    return settings_page(
        list_states(
            S.status,
            ready=ready,
            loading=table_card(skeleton_table(MEMBER_COLUMNS, rows=4)),
            empty=nothing_yet("Nobody here", "Invite the first teammate."),
            failed=failure(S.error, on_retry=S.load),
            forbidden=no_permission(),
        ),
        _invite_form(),
        _remove_dialog(),
        _role_dialog(),
        _withdraw_dialog(),
        title="Team",
        active="team",
        actions=(
            rx.cond(
                S.can_manage,
                primary("Invite teammate", icon_name="user-round-plus", on_click=S.show_invite(True)),
                rx.fragment(),
            ),
        ),
    )
