"""The composition root: which pages exist, which API stands in front of them, what every page has around it.

A new page is one line in PAGES; a new API router is one line in `cursive_app/api/app.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import reflex as rx
from reflex_components_sonner.toast import ToastProps

from components.documentation import HOME
from cursive_app.api.app import create as create_api
from cursive_app.pages.admin.failures import admin_failures
from cursive_app.pages.admin.jobs import admin_jobs
from cursive_app.pages.admin.queues import admin_queues
from cursive_app.pages.admin.schedules import admin_schedules
from cursive_app.pages.admin.stuck import admin_stuck
from cursive_app.pages.admin.totals import admin_totals
from cursive_app.pages.credits import credits
from cursive_app.pages.credits_month import credits_month
from cursive_app.pages.docs.articles import articles, plain
from cursive_app.pages.docs.page import ABOUT, TITLE, article_page, documentation
from cursive_app.pages.enrichment_detail import enrichment_detail
from cursive_app.pages.enrichments import enrichments
from cursive_app.pages.frame import browser_title, overlay
from cursive_app.pages.home import home
from cursive_app.pages.jobs import jobs
from cursive_app.pages.leads import leads
from cursive_app.pages.public.crash import error_boundary, report_backend_error, report_frontend_error
from cursive_app.pages.public.forgot import forgot
from cursive_app.pages.public.invite import invite
from cursive_app.pages.public.login import login
from cursive_app.pages.public.not_found import not_found
from cursive_app.pages.public.reset import reset
from cursive_app.pages.public.signup import signup
from cursive_app.pages.public.verify import verify
from cursive_app.pages.public.welcome import welcome
from cursive_app.pages.segment_builder import segment_builder
from cursive_app.pages.segments import segments
from cursive_app.pages.settings.account import account
from cursive_app.pages.settings.api_keys import api_keys
from cursive_app.pages.settings.sessions import sessions
from cursive_app.pages.settings.team import team
from cursive_app.pages.settings.workspace import workspace
from cursive_app.policy import Policy
from cursive_app.shared_state import make_cancel_safe
from cursive_app.web_edge import EDGE
from state.account import AccountState, SessionsState
from state.admin_failures import AdminFailuresState
from state.admin_jobs import AdminJobsState
from state.admin_queues import AdminQueuesState
from state.admin_schedules import AdminSchedulesState
from state.admin_stuck import AdminStuckState
from state.admin_totals import AdminTotalsState
from state.api_keys import ApiKeysState
from state.credits import CreditsState
from state.credits_month import CreditsMonthState
from state.enrichment import EnrichmentState
from state.enrichments import EnrichmentsState
from state.home import HomeState
from state.jobs import JobsState
from state.leads import LeadsState
from state.login import LoginState
from state.notices import NoticesState
from state.onboarding import ForgotState, InviteState, ResetState, SignupState, VerifyState, WelcomeState
from state.palette import PaletteState
from state.segment_builder import SegmentBuilderState
from state.segments import SegmentsState
from state.session import SessionState
from state.team import TeamState
from state.workspace import WorkspaceState


class Page(NamedTuple):
    """One address: the function that draws it, the words in the tab, and the handlers (one, or a tuple) that load it.

    A page that is not `public` watches its session as well: balance and rights stay live, and its end leads to login.
    `about` is what a search engine or a shared link shows of it.
    """

    route: str
    draw: Callable[[], rx.Component]
    title: str
    on_load: Any = None
    public: bool = False
    about: str | None = None


PAGES: tuple[Page, ...] = (
    Page("/", home, "Home", HomeState.load, public=True),
    Page("/login", login, "Log in", LoginState.load, public=True),
    Page("/signup", signup, "Create your account", SignupState.load, public=True),
    Page("/verify", verify, "Confirm your e-mail address", VerifyState.load, public=True),
    Page("/forgot", forgot, "Forgot your password?", ForgotState.load, public=True),
    Page("/reset", reset, "Set a new password", ResetState.load, public=True),
    Page("/invite", invite, "Invitation", InviteState.load, public=True),
    Page("/welcome", welcome, "Welcome", WelcomeState.load, public=True),
    Page("/segments", segments, "Segments", (SegmentsState.load, SegmentsState.follow)),
    Page(
        "/segments/[segment]",
        segment_builder,
        "Segment",
        (SegmentBuilderState.load, SegmentBuilderState.follow),
    ),
    Page("/leads", leads, "Leads", LeadsState.load),
    Page("/enrichments", enrichments, "Enrichment", (EnrichmentsState.load, EnrichmentsState.follow)),
    Page(
        "/enrichments/[enrichment]",
        enrichment_detail,
        "List",
        (EnrichmentState.load, EnrichmentState.follow),
    ),
    Page("/jobs", jobs, "Jobs", (JobsState.load, JobsState.follow)),
    Page("/credits", credits, "Credits", (CreditsState.load, CreditsState.follow)),
    Page("/credits/month", credits_month, "Credit statement", CreditsMonthState.load),
    Page("/settings/account", account, "Your account", AccountState.load),
    Page("/settings/sessions", sessions, "Your sessions", SessionsState.load),
    Page("/settings/team", team, "Team", TeamState.load),
    Page("/settings/api-keys", api_keys, "API keys", ApiKeysState.load),
    Page("/settings/workspace", workspace, "Workspace settings", WorkspaceState.load),
    Page("/admin/jobs", admin_jobs, "All jobs", (AdminJobsState.load, AdminJobsState.follow)),
    Page("/admin/jobs/failures", admin_failures, "Failures", (AdminFailuresState.load, AdminFailuresState.follow)),
    Page("/admin/jobs/queues", admin_queues, "Queues", (AdminQueuesState.load, AdminQueuesState.follow)),
    Page("/admin/jobs/schedules", admin_schedules, "Schedules", (AdminSchedulesState.load, AdminSchedulesState.follow)),
    Page("/admin/jobs/stuck", admin_stuck, "Stuck jobs", (AdminStuckState.load, AdminStuckState.follow)),
    Page("/admin/jobs/totals", admin_totals, "Totals", (AdminTotalsState.load, AdminTotalsState.follow)),
    Page(HOME, documentation, TITLE, public=True, about=ABOUT),
    *(
        Page(one.address, article_page(one), f"{one.title} · {TITLE}", public=True, about=plain(one.summary))
        for one in articles()
    ),
    Page("/404", not_found, "Page not found", public=True),
)

HEAD = [
    # Before the first paint: the sidebar as the person left it. (Reflex does the same for the theme.)
    rx.el.script(
        "try{const d=document.documentElement.dataset;d.nav=localStorage.getItem('cursive.nav')||'open';"
        "if(/Mac|iPhone|iPad/.test(navigator.platform))d.mac=''}catch{}"
    ),
    rx.el.link(
        rel="preload",
        href="/fonts/inter-latin.woff2",
        custom_attrs={"as": "font", "type": "font/woff2", "crossOrigin": "anonymous"},
    ),
    rx.el.link(rel="icon", href="/icons/mark.svg", type="image/svg+xml"),
    rx.el.link(rel="apple-touch-icon", href="/icons/apple-touch-icon.png"),
    rx.el.meta(name="theme-color", content="#fbfcfd", custom_attrs={"media": "(prefers-color-scheme: light)"}),
    rx.el.meta(name="theme-color", content="#0f1115", custom_attrs={"media": "(prefers-color-scheme: dark)"}),
    rx.el.script(src="/ui.js", defer=True),
    rx.el.script(src="/query_box.js", defer=True),
]


def create_app() -> rx.App:
    """The Reflex application with every page."""
    built = rx.App(
        api_transformer=[create_api(), *EDGE],
        stylesheets=["/theme.css", "/kit.css", "/enrichment.css", "/admin.css", "/segments.css", "/docs.css"],
        head_components=HEAD,
        html_lang="en",
        backend_exception_handler=report_backend_error,
        frontend_exception_handler=report_frontend_error,
        toaster=rx.toast.provider(
            position="bottom-right",
            visible_toasts=3,
            close_button=True,
            rich_colors=False,
            toast_options=ToastProps(duration=6000),  # pyright: ignore[reportCallIssue]  (all are optional)
        ),
    )
    built.app_wraps[55, "ErrorBoundary"] = error_boundary
    built.app_wraps[5, "Overlay"] = overlay
    make_cancel_safe(built)
    built.add_middleware(Policy())
    for one in PAGES:
        own = one.on_load if isinstance(one.on_load, tuple) else () if one.on_load is None else (one.on_load,)
        loads = [*([] if one.public else [SessionState.watch, NoticesState.follow, PaletteState.visited]), *own]
        built.add_page(
            one.draw, route=one.route, title=browser_title(one.title), description=one.about, on_load=loads or None
        )
    return built


app = create_app()
