"""The README is a tested part of the product: its settings, commands and links are the real ones."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cursive_app.cli import cursive
from cursive_app.sandbox.logins import LOGINS, PASSWORD
from cursive_app.settings import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ["README.md", "CHANGELOG.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


def test_the_table_of_settings_is_the_one_of_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bin" / "configuration-table", "--check"],
        cwd=ROOT, check=False, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_setting_has_a_variable_and_a_description() -> None:
    for name, field in Settings.model_fields.items():
        assert isinstance(field.validation_alias, str), name
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", field.validation_alias), name
        assert field.description, name


def visible_commands() -> list[str]:
    return [name for name, command in cursive.commands.items() if not command.hidden]


def test_the_commands_that_were_promised_are_there() -> None:
    promised = {"up", "web", "worker", "sandbox", "migrate", "demo", "doctor", "make-admin", "grant-credits"}
    assert promised | {"probe-provider", "prove-ledger"} <= set(visible_commands())


@pytest.mark.parametrize("command", visible_commands())
def test_every_command_is_documented_and_has_help(command: str) -> None:
    assert f"`cursive {command}" in README
    shown = CliRunner().invoke(cursive, [command, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.split("Options:")[0].split("\n\n")[1].strip()) > 20


def test_no_documented_command_is_missing() -> None:
    assert set(re.findall(r"`cursive ([a-z-]+)", README)) <= set(visible_commands())
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`(?:[A-Z]+=\S+ )?make ([a-z]+)`", README)) <= targets


def test_the_logins_are_the_real_ones() -> None:
    assert PASSWORD in README
    for login in LOGINS:
        assert login.email in README


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{document} links to {target}"
