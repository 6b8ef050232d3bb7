"""What people and the log are told when something breaks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from cursive_app.errors import Conflict, Unauthenticated
from cursive_app.pages.public.crash import _REFERENCE_JS, crash_reference, report_backend_error, report_frontend_error


def test_the_screen_and_the_log_compute_the_same_reference() -> None:
    node = shutil.which("node", path=str(Path(sys.executable).parent))
    assert node
    error = "{name: 'TypeError', message: 'naïve “quotes”', stack: 'at x\\n at y'}"
    script = f"const event_args = {{error: {error}}}; console.log({_REFERENCE_JS})"
    shown = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout.strip()
    assert shown == crash_reference("TypeError: naïve “quotes”\nat x\n at y")
    assert re.fullmatch(r"crash_[0-9a-f]{8}", shown)


def test_a_page_crash_is_logged_under_its_reference() -> None:
    with structlog.testing.capture_logs() as lines:
        report_frontend_error(Exception("TypeError: x"))
    assert lines[0]["reference"] == crash_reference("TypeError: x")


def test_an_expected_error_says_its_own_sentence() -> None:
    with structlog.testing.capture_logs() as lines:
        said = str(report_backend_error(Conflict("The name is taken.")))
    assert "The name is taken." in said
    assert lines == []


def test_a_defect_is_logged_and_shown_as_a_reference_only() -> None:
    with structlog.testing.capture_logs() as lines:
        said = str(report_backend_error(ValueError("password=hunter2")))
    assert lines[0]["reference"] in said
    assert "hunter2" not in said


def test_an_ended_session_leads_to_the_login_page() -> None:
    assert "/login" in str(report_backend_error(Unauthenticated()))


@pytest.mark.parametrize("reference", [crash_reference(""), crash_reference("x" * 100_000)])
def test_references_have_one_form(reference: str) -> None:
    assert re.fullmatch(r"crash_[0-9a-f]{8}", reference)
