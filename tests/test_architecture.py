"""The rules of the house that a machine can hold: layers, sizes, one place for settings and time, no loose ends."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from cursive_app import __version__
from cursive_app.settings import ROOT

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LONGEST_PAGE_FUNCTION = 75  # a page is a tree of markup
READS_ENVIRONMENT = {
    "cursive_app/up.py",  # hands it on to its children
    "cursive_app/build.py",  # hands it on to the build
    "cursive_app/asgi.py",  # Reflex reads its own switches from it, before anything is imported
    "rxconfig.py",
}
# Reserved for examples (RFC 2606), or for private networks (`internal`, by ICANN): no such address is anybody's.
RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost|internal)$")


def tracked(*patterns: str) -> list[Path]:
    """Files that belong to the repository, also those not committed yet."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [ROOT / name for name in said.stdout.splitlines() if (ROOT / name).is_file()]


def sources() -> list[Path]:
    """The product's own modules, without tests and migrations."""
    ours = ("cursive_app/", "components/", "state/", "db/")
    names = [path.relative_to(ROOT).as_posix() for path in tracked("*.py")]
    return [ROOT / name for name in names if name.startswith(ours) and "/migrations/versions/" not in name]


@cache
def parsed() -> list[tuple[str, ast.Module]]:
    """Every source by its name, read once for all rules."""
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in sources()]


def test_calls_only_go_down() -> None:
    """The import contracts of pyproject.toml."""
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_module_is_a_town() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_stay_short() -> None:
    long: dict[str, int] = {}
    for name, tree in parsed():
        most = LONGEST_PAGE_FUNCTION if name.startswith(("components/", "cursive_app/pages/")) else LONGEST_FUNCTION
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > most:
                    long[f"{name}:{node.name}"] = lines
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    silent = [name for name, tree in parsed() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_the_environment_is_read_in_one_place() -> None:
    reading = set()
    for name, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and name not in READS_ENVIRONMENT:
                reading.add(name)
    assert reading <= {"cursive_app/settings.py"}


def test_time_comes_from_one_clock() -> None:
    telling = set()
    for name, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = f"{ast.unparse(node.func.value)}.{node.func.attr}"
                if called in ("datetime.now", "datetime.utcnow", "date.today", "dt.datetime.now", "datetime.today"):
                    telling.add(name)
    assert telling == {"cursive_app/clock.py"}


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    found = [path.name for path in sources() if mark.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_nothing_prints_but_the_command_line() -> None:
    printing = [
        name
        for name, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_the_root_is_no_package() -> None:
    """Reflex removes or refuses an `__init__.py` beside rxconfig.py."""
    assert not (ROOT / "__init__.py").exists()


def test_every_test_folder_is_a_package() -> None:
    """Two tests of the same file name would hide each other otherwise."""
    folders = {path.parent for path in tracked("tests/*.py")}
    assert [folder.name for folder in folders if folder.name != "bench" and not (folder / "__init__.py").exists()] == []


def test_addresses_in_the_repository_can_reach_nobody() -> None:
    """Every e-mail address of data, tests and texts is in a domain that is reserved."""
    address = re.compile(r"(?<![:\w.+-])[\w.+-]+@((?:[\w-]+\.)+[A-Za-z]{2,})")
    real: set[str] = set()
    for path in tracked("*.py", "*.md", "*.js", "*.css", "*.toml", "*.txt", "Makefile"):
        if "node_modules" in path.parts:
            continue
        for found in address.finditer(path.read_text(encoding="utf-8", errors="replace")):
            if not RESERVED.search(found.group(1).lower()):
                real.add(f"{path.relative_to(ROOT)}: {found.group()}")
    assert real == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_are_hashed_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--index|--find-links|--extra-index", text)
    pins = re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE)
    blocks = [
        block for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if "==" in block.split("\n")[0]
    ]
    assert len(pins) == len(blocks)
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_what_is_installed_to_run_is_installed_to_test_in_the_same_version() -> None:
    def pins(lock: str) -> dict[str, str]:
        text = (ROOT / lock).read_text(encoding="utf-8")
        return dict(re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", text, re.MULTILINE))

    run, test = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: version for name, version in run.items() if test.get(name) != version} == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    names = [re.split(r"[\[<>=~!; ]", line)[0].lower() for line in project["dependencies"]]
    assert [name for name in names if f"\n{name}==" not in f"\n{locked}"] == []
