"""The interface is built when, and only when, what it is made of changed; and it talks to the origin that served it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cursive_app import build
from cursive_app.build import CLIENT, STAMP, BuildFailed, SameOrigin, ensure_built, is_current, source_digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "rxconfig.py": "config = 1",
        "assets/theme.css": ":root {}",
        "components/table.py": "x = 1",
        "cursive_app/build.py": "",
        "cursive_app/cursive_app.py": "",
        "cursive_app/pages/leads.py": "",
        "cursive_app/services/leads/views.py": "",
        "state/leads.py": "",
        "reflex.lock/package-lock.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def finish(root: Path) -> None:
    """What a successful export leaves."""
    (root / CLIENT).mkdir(parents=True, exist_ok=True)
    (root / CLIENT / "index.html").write_text("<html>")


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Exports that were run, instead of running them."""
    ran: list[Path] = []

    def export(root: Path) -> None:
        ran.append(root)
        finish(root)

    monkeypatch.setattr(build, "_export", export)
    return ran


def test_builds_once_and_again_only_after_a_change(root: Path, exports: list[Path]) -> None:
    assert ensure_built(root) is True
    assert ensure_built(root) is False
    (root / "components/table.py").write_text("x = 2")
    assert ensure_built(root) is True
    assert len(exports) == 2


@pytest.mark.parametrize(
    "name", ["state/new.py", "assets/icons/new.svg", "assets/docs/new.md", "cursive_app/services/credits/views.py"]
)
def test_a_new_file_changes_the_digest(root: Path, name: str) -> None:
    before = source_digest(root)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("")
    assert source_digest(root) != before


def test_renaming_changes_the_digest(root: Path) -> None:
    before = source_digest(root)
    (root / "state/leads.py").rename(root / "state/people.py")
    assert source_digest(root) != before


def test_what_is_not_part_of_the_interface_changes_nothing(root: Path) -> None:
    before = source_digest(root)
    for name in ("components/__pycache__/table.pyc", "tests/test_x.py", "db/models.py", "cursive_app/jobs/queue.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    assert source_digest(root) == before


def test_an_edit_during_the_build_causes_another(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = iter(["edited meanwhile", "and again"])

    def export(root: Path) -> None:
        finish(root)
        (root / "state/leads.py").write_text(next(edits, "and again"))

    monkeypatch.setattr(build, "_export", export)
    ensure_built(root)
    assert is_current(root)
    assert next(edits, None) is None, "the sources of both edits were built"


def test_sources_that_never_rest_are_one_clear_sentence(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[int] = []

    def export(root: Path) -> None:
        finish(root)
        builds.append(len(builds))
        (root / "state/leads.py").write_text(str(builds))

    monkeypatch.setattr(build, "_export", export)
    with pytest.raises(BuildFailed, match="changed each time"):
        ensure_built(root)
    assert len(builds) == build.MOST_BUILDS


def test_a_build_that_was_stopped_half_way_is_not_taken_for_the_one_before(
    root: Path, exports: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_built(root)
    before = (root / "state/leads.py").read_text()
    (root / "state/leads.py").write_text("another")

    def stopped(_root: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "_export", stopped)
        with pytest.raises(KeyboardInterrupt):
            ensure_built(root)
    (root / "state/leads.py").write_text(before)  # the change is taken back; what was half built is not
    assert not is_current(root)
    assert ensure_built(root) is True
    assert len(exports) == 2


def test_another_version_of_a_package_causes_another(root: Path) -> None:
    (root / "requirements.lock").write_text("reflex-base==1")
    before = source_digest(root)
    (root / "requirements.lock").write_text("reflex-base==2")
    assert source_digest(root) != before


def test_a_lock_completed_by_the_install_does_not_cause_another(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(root: Path) -> None:
        finish(root)
        (root / "reflex.lock/package-lock.json").write_text('{"completed": true}')

    monkeypatch.setattr(build, "_export", export)
    ensure_built(root)
    assert is_current(root)


def test_a_failed_build_leaves_nothing_that_looks_finished(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(_root: Path) -> None:
        raise BuildFailed("no")

    monkeypatch.setattr(build, "_export", export)
    with pytest.raises(BuildFailed):
        ensure_built(root)
    assert not (root / STAMP).exists()
    assert not is_current(root)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("npm error code ENOSPC", "disk is full"),
        ("npm error getaddrinfo ENOTFOUND somewhere", "could not be downloaded"),
        ("ValueError: The Menu does not take in an `on_x`\n", "does not take in"),
        ("", "said nothing"),
    ],
)
def test_a_failure_is_one_sentence(log: str, said: str) -> None:
    reason = build._reason(log)
    assert said in reason
    assert "\n" not in reason


WHOLE = "<html><script>window.__reactRouterContext.stream = 1; x.streamController.close();</script>"
HALF = "<html><script>window.__reactRouterContext.stream = 1;</script>"
PROGRESS = "Creating Production Build:  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 100% 4/4 0:00:14"
ABORTED = f"Error: The render was aborted by the server without a reason.\n    at abort (server.js:7554:11)\n{PROGRESS}"
NO_ANSWER = (
    "Error: Prerender: Request failed for /docs/account-and-security: The operation was aborted \ndue to timeout"
)
MISTAKE = f"Error: The icon “moo” does not exist\n    at build (vite.js:16:2)\n\nRun with --loglevel debug\n{PROGRESS}"
FRONTEND = """
import json, pathlib, sys
root = pathlib.Path.cwd()
runs = root / "runs"
number = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (number + 1))
log, page = json.loads((root / "frontend.json").read_text())[number]
print(log)
if page:
    (root / ".web/build/client").mkdir(parents=True, exist_ok=True)
    (root / ".web/build/client/index.html").write_text(page)
sys.exit(0 if page else 1)
"""


def frontend(root: Path, monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, str]) -> Path:
    """Let exports be run by a stand-in: what it prints, and the page it writes ("": it fails), one run after another.
    The file that is returned grows by one letter with each run."""
    (root / "frontend.json").write_text(json.dumps(answers))
    monkeypatch.setattr(build, "EXPORT", (sys.executable, "-c", FRONTEND))
    return root / "runs"


@pytest.mark.parametrize("cut_off", [(ABORTED, ""), (NO_ANSWER, ""), (ABORTED, HALF)], ids=["aborted", "slow", "half"])
def test_a_build_that_a_busy_machine_cut_off_is_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, cut_off: tuple[str, str]
) -> None:
    """Also where the export itself calls it done: such a page never comes to life."""
    runs = frontend(root, monkeypatch, cut_off, ("done", WHOLE))
    said: list[str] = []
    assert ensure_built(root, say=said.append) is True
    assert is_current(root)
    assert len(runs.read_text()) == 2
    assert "too busy" in said[-1]


def test_a_build_that_is_cut_off_every_time_says_why_and_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = frontend(root, monkeypatch, *[(ABORTED, HALF)] * 5)
    with pytest.raises(BuildFailed, match=r"too busy .* load .* on \d+ processors?.* 3 times.*try again.*build\.log"):
        ensure_built(root)
    assert len(runs.read_text()) == build.MOST_TRIES
    assert not is_current(root)


def test_a_mistake_in_the_sources_is_built_once_and_told_by_its_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = frontend(root, monkeypatch, (MISTAKE, ""), ("done", WHOLE))
    with pytest.raises(BuildFailed, match="could not be built: Error: The icon “moo” does not exist"):
        ensure_built(root)
    assert len(runs.read_text()) == 1


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The two scripts of a build that say where the server is."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "reflex-env-abc.js").write_text(
        'e={EVENT:`ws://localhost:8000/_event`,PING:"http://localhost:8000/ping",X:"http://example.com/a"}'
    )
    (tmp_path / "assets" / "state-abc.js").write_text("a=[`x`],S=[`localhost`,`0.0.0.0`,`::`,`0:0:0:0:0:0:0:0`],b=[1]")
    return tmp_path


def test_addresses_in_the_bundle_become_relative_to_the_page(bundle: Path) -> None:
    SameOrigin().post_build(static_dir=bundle)
    text = (bundle / "assets" / "reflex-env-abc.js").read_text()
    assert "localhost" not in text
    assert 'location.protocol.replace("http","ws")+"//"+location.host+"/_event"' in text
    assert 'location.protocol+"//"+location.host+"/ping"' in text
    assert "http://example.com/a" in text


def test_a_page_on_localhost_keeps_its_port_behind_tls(bundle: Path) -> None:
    SameOrigin().post_build(static_dir=bundle)
    assert (bundle / "assets" / "state-abc.js").read_text() == "a=[`x`],S=[],b=[1]"


@pytest.mark.parametrize("script", ["reflex-env-abc.js", "state-abc.js"])
def test_a_bundle_without_addresses_is_refused(bundle: Path, script: str) -> None:
    (bundle / "assets" / script).write_text("e={}")
    with pytest.raises(BuildFailed):
        SameOrigin().post_build(static_dir=bundle)


def test_the_pinned_packages_name_no_registry_and_no_themes() -> None:
    lock = (build.ROOT / "reflex.lock" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "@radix-ui/themes" not in lock
