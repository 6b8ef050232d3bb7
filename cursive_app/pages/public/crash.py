"""When something breaks: the screen a person sees, and what is logged under the same reference."""

from __future__ import annotations

from uuid import uuid4

import reflex as rx
import structlog
from reflex_components_core.base.error_boundary import ErrorBoundary

from components.primitives.anchor import anchor
from cursive_app.errors import CursiveError, Unauthenticated
from cursive_app.pages.frame import browser_title
from state.base import current_path, login_url, refusal

log = structlog.get_logger("cursive.pages")

# The crash screen is drawn when the page itself cannot run, so its reference is computed, in the browser and here, from
# the text the browser reports (FNV-1a, 32 bits). The same defect gets the same reference.
_REFERENCE_JS = """((text) => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return 'crash_' + (hash >>> 0).toString(16).padStart(8, '0');
})(event_args.error.name + ': ' + event_args.error.message + '\\n' + event_args.error.stack)"""


def crash_reference(text: str) -> str:
    """The reference the crash screen shows for this report."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"crash_{value:08x}"


def report_frontend_error(exception: Exception) -> None:
    """A page failed in somebody's browser. Its text may hold anything, so it goes to the log and nowhere else."""
    text = str(exception)
    log.error("page crashed", reference=crash_reference(text), report=text[:4000])


def report_backend_error(exception: Exception):  # Reflex evaluates a return annotation at import
    """An event handler failed. Expected errors say their own sentence; anything else is a defect with a reference."""
    if isinstance(exception, Unauthenticated):
        return [rx.toast.info(exception.message), rx.redirect(login_url(current_path(), ended=True))]
    if isinstance(exception, CursiveError):
        return refusal(exception)
    reference = f"err_{uuid4().hex[:12]}"
    log.error("event handler failed", reference=reference, exc_info=exception)
    return rx.toast.error(
        "Something went wrong on our side. Try again; if it stays, tell us the reference.",
        description=f"Reference {reference}",
        duration=30_000,
        close_button=True,
    )


def crash_screen() -> rx.Component:
    """Shown instead of a page that failed. Plain elements only: it is drawn outside every provider."""
    return rx.el.main(
        rx.el.title(browser_title("This page stopped working")),  # the page that failed took its own along
        rx.el.div(
            rx.el.h1("This page stopped working", class_name="text-20 font-semibold text-ink"),
            rx.el.p(
                "The fault is ours. Your data is safe, and work that was running continues. "
                "Reload the page; if it happens again, tell us the reference.",
                class_name="mt-2 text-14 text-ink-2",
            ),
            rx.el.p(
                rx.el.span("Reference ", class_name="text-ink-3"),
                rx.el.code(rx.Var(_REFERENCE_JS).to(str), class_name="text-ink"),
                class_name="mt-4 text-13",
            ),
            rx.el.div(
                anchor("Reload", href="", class_name="btn btn-primary"),
                anchor("Go to the start page", href="/", class_name="btn btn-secondary"),
                class_name="mt-6 flex gap-2",
            ),
            class_name="w-full max-w-[480px]",
        ),
        aria_label="This page stopped working",
        class_name="flex min-h-dvh items-center justify-center bg-canvas px-6",
    )


def error_boundary(_stateful: bool) -> rx.Component:
    """Replaces Reflex's own boundary, which shows stack traces to customers."""
    return ErrorBoundary.create(fallback_render=rx.Var.create(crash_screen()))
