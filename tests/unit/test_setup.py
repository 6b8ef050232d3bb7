"""`bin/setup` and `bin/browser` on machines that lack something: what it is and what to do, nothing half done."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cursive_app.settings import ROOT

OLD_PYTHON = """#!/bin/sh
case "$*" in *--version*) echo "Python 3.9.2"; exit 0;; *version_info*) exit 1;; esac
exit 1
"""
NO_VENV_PYTHON = """#!/bin/sh
case "$*" in *ensurepip*) exit 1;; *version_info*) exit 0;; *--version*) echo "Python 3.12.1"; exit 0;; esac
exit 1
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `bin/setup` needs of a clone."""
    folder = tmp_path / "clone"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "setup", folder / "bin" / "setup")
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def setup(checkout: Path, *pythons: tuple[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with only these interpreters and the system's ordinary tools in PATH."""
    tools = checkout / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "cat", "grep", "rm", "dirname", "head", "mkdir", "env"):
        found = shutil.which(name)
        if found and not (tools / name).exists():
            (tools / name).symlink_to(found)
    for name, script in pythons:
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "bin/setup"], cwd=checkout, env={"PATH": str(tools), **variables}, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_no_python_at_all(checkout: Path) -> None:
    done = setup(checkout)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Cursive needs Python 3.11 or newer (none was found). Install one, or name it: PYTHON="
    )
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_too_old(checkout: Path) -> None:
    done = setup(checkout, ("python3", OLD_PYTHON))
    assert done.returncode == 1
    assert "Cursive needs Python 3.11 or newer" in done.stderr
    assert "is Python 3.9.2" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path) -> None:
    done = setup(checkout, ("python3", OLD_PYTHON), ("python3.12", NO_VENV_PYTHON))
    assert "python3.12 lacks the venv module" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (OLD_PYTHON, "is Python 3.9.2"),
        ("#!/bin/sh\necho 'false (GNU)'; echo 'more words'; exit 1\n", "is no Python that runs"),
        (None, "was not found"),
    ],
)
def test_a_python_that_was_named_and_will_not_do_is_not_replaced_by_another(
    checkout: Path, script: str | None, what: str
) -> None:
    pythons = [("python3", NO_VENV_PYTHON)] + ([("mine", script)] if script else [])
    done = setup(checkout, *pythons, PYTHON="mine")
    assert done.returncode == 1
    assert done.stderr == (
        f"Cursive needs Python 3.11 or newer, and PYTHON=mine {what}. Name another one "
        "(PYTHON=/path/to/python3 make run) or leave PYTHON unset.\n"
    )
    assert not (checkout / ".venv").exists()


@contextmanager
def waiting(*named: str) -> Iterator[int]:
    """A process that waits, with this in its command line."""
    with subprocess.Popen(["/bin/sh", "-c", "read _", *named], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_an_installation_that_runs_already_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    with waiting("bin/setup", "dev") as other:
        (checkout / ".venv" / ".installing").write_text(str(other))
        done = setup(checkout, ("python3", NO_VENV_PYTHON))
    assert done.returncode == 1
    assert f"Another installation is running here (process {other})" in done.stderr
    assert (checkout / ".venv").exists()


def test_a_stranger_with_the_number_of_an_interrupted_installation_is_not_waited_for(checkout: Path) -> None:
    """The machine was restarted in the middle of it, and numbers are given out again."""
    (checkout / ".venv").mkdir()
    with waiting("somebody else") as stranger:
        (checkout / ".venv" / ".installing").write_text(str(stranger))
        done = setup(checkout, ("python3", NO_VENV_PYTHON))
    assert "The last installation was interrupted; starting it over." in done.stdout


def test_an_interrupted_installation_starts_over(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".installing").write_text("999999999")
    (checkout / ".venv" / "half").touch()
    done = setup(checkout, ("python3", NO_VENV_PYTHON))
    assert "The last installation was interrupted; starting it over." in done.stdout
    assert not (checkout / ".venv" / "half").exists()


def browser(tmp_path: Path, *present: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it where only these programs are installed, without a package manager."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "id"):
        (tools / name).symlink_to(shutil.which(name) or name)
    for name in present:
        (tools / name).write_text("#!/bin/sh\nexit 0\n")
        (tools / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", ROOT / "bin" / "browser"], env={"PATH": str(tools), **variables}, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("present", "variables"),
    [
        (("chromium",), {}),
        (("google-chrome-stable",), {}),
        (("my-browser",), {"CURSIVE_CHROMIUM": "my-browser"}),
        ((), {"CURSIVE_SKIP_BROWSER": "1"}),
    ],
)
def test_a_browser_that_is_there_is_used(tmp_path: Path, present: tuple[str, ...], variables: dict[str, str]) -> None:
    done = browser(tmp_path, *present, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_browser_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = browser(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("The browser tests need Chromium and none was found.")
    for way in ("sudo apt-get install chromium", "CURSIVE_CHROMIUM=", "CURSIVE_SKIP_BROWSER=1"):
        assert way in done.stderr
