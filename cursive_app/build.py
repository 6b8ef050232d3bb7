"""Building the interface: only when its sources changed, and independent of the address it will be served from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from reflex_base.plugins import Plugin

from cursive_app.plurals import plural

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "assets",
    "components",
    "cursive_app/build.py",
    "cursive_app/cursive_app.py",
    "cursive_app/pages",
    "cursive_app/services",  # pages render option lists that rooms own
    "requirements.lock",  # Reflex comes in many packages, each with a version of its own
    "rxconfig.py",
    "state",
)
EXPORT = (sys.executable, "-m", "reflex", "export", "--no-zip")
MOST_BUILDS = 3  # in one go, while somebody goes on changing the sources
MOST_TRIES = 3  # of one build, while the machine is so busy that it is cut off
LOCK = "reflex.lock"
CLIENT = Path(".web/build/client")
RECORD = Path(".cursive/interface")  # beside .web, which Reflex empties as it sees fit
STAMP = RECORD / "built.sha256"
LOG = "build.log"

_BACKEND_URL = re.compile(r"""["'`](?P<scheme>ws|http)s?://localhost:\d+(?P<path>/[^"'`]*)["'`]""")
# Names of one's own machine: behind TLS Reflex takes the port away from their addresses.
_OWN_MACHINE = re.compile(r"\[[^\[\]]*0:0:0:0:0:0:0:0[^\[\]]*\]")


_ERROR = re.compile(r"\w*(Error|Exception): ")  # what stands behind it is where it happened, and progress
# React Router gives a page five seconds to be rendered and ten to be answered, and has no setting for either.
_CUT_OFF = re.compile(
    r"The render was aborted by the server|Server Timeout|aborted due to timeout|Request timed out for"
)
# What a page needs to come to life is written behind it, and closed at last.
_OPENS, _CLOSES = "__reactRouterContext.stream =", "streamController.close()"


class BuildFailed(RuntimeError):
    """The interface could not be built; the message is one sentence for the operator."""


class PagesCutOff(BuildFailed):
    """The machine was too busy to render a page in the time there is for it; another try may succeed."""


class SameOrigin(Plugin):
    """Make the bundle talk to whatever origin served it. Reflex bakes one address, port included, into the build."""

    def post_build(self, **context: object) -> None:
        static = context["static_dir"]
        assert isinstance(static, Path)
        replaced = sum(_relocate(script) for script in (static / "assets").glob("reflex-env-*.js"))
        kept = sum(_keep_port(script) for script in (static / "assets").glob("state-*.js"))
        if not replaced or not kept:
            raise BuildFailed("The bundle holds no address to replace: this version of Reflex writes it differently.")


def _relocate(script: Path) -> int:
    def expression(found: re.Match[str]) -> str:
        scheme = 'location.protocol.replace("http","ws")' if found["scheme"] == "ws" else "location.protocol"
        return f'({scheme}+"//"+location.host+"{found["path"]}")'

    text, count = _BACKEND_URL.subn(expression, script.read_text(encoding="utf-8"))
    script.write_text(text, encoding="utf-8")
    return count


def _keep_port(script: Path) -> int:
    text, count = _OWN_MACHINE.subn("[]", script.read_text(encoding="utf-8"))
    script.write_text(text, encoding="utf-8")
    return count


def source_digest(root: Path = ROOT) -> str:
    """SHA-256 over the name and content of every file the interface is built from, and the version of Reflex."""
    digest = hashlib.sha256(version("reflex").encode())
    for file in _source_files(root, SOURCES):
        digest.update(f"\0{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def lock_digest(root: Path = ROOT) -> str:
    """SHA-256 over the pinned JavaScript packages. Apart from the sources, because an install may complete the lock."""
    digest = hashlib.sha256()
    for file in _source_files(root, (LOCK,)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _source_files(root: Path, sources: tuple[str, ...]) -> Iterator[Path]:
    for source in sources:
        path = root / source
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


def is_current(root: Path = ROOT) -> bool:
    """Whether the finished build on disk was made from exactly the present sources."""
    stamp = root / STAMP
    if not (root / CLIENT / "index.html").is_file() or not stamp.is_file():
        return False
    return stamp.read_text(encoding="ascii").split() == [source_digest(root), lock_digest(root)]


def ensure_built(root: Path = ROOT, *, say: Callable[[str], None] = lambda _: None) -> bool:
    """Build the interface if its sources changed since the last build. True when a build ran.

    Safe to call from several processes: the second waits for the first and finds its work done. An edit during the
    build causes another at once: a page of other sources than the server's tells people that there is a new version.
    What was built before counts for nothing from the moment it is built over. Raises BuildFailed.
    """
    if is_current(root):
        return False
    (root / RECORD).mkdir(parents=True, exist_ok=True)
    with open(root / RECORD / "build.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(root):
            return False
        say("Building the interface (about half a minute the first time, seconds after a change)…")
        for _ in range(MOST_BUILDS):
            (root / STAMP).unlink(missing_ok=True)
            sources = source_digest(root)  # taken first: an edit during the build must cause another one
            _export_patiently(root, say)
            (root / STAMP).write_text(f"{sources} {lock_digest(root)}", encoding="ascii")
            if is_current(root):
                return True
    raise BuildFailed("The sources of the interface changed each time it was built. Try again when they rest.")


def _export_patiently(root: Path, say: Callable[[str], None]) -> None:
    """Export, and again, twice at most, when a busy machine cut it off. Raises BuildFailed."""
    tried = 0
    while True:
        try:
            _export(root)
        except PagesCutOff as cut_off:
            tried += 1
            if tried == MOST_TRIES:
                again = "Let other work on it end, then try again."
                log = f"The whole output is in {root / RECORD / LOG}."
                raise BuildFailed(f"{cut_off} So it was {MOST_TRIES} times. {again} {log}") from None
            say(f"{cut_off} Building it once more…")
        else:
            return


def _export(root: Path) -> None:
    """Run the export once. Raises PagesCutOff, and BuildFailed where no other try would help."""
    environment = build_environment()
    if shutil.which("node", path=environment["PATH"]) is None:
        raise BuildFailed("Node is missing from the virtual environment; run `make install` to restore it.")
    log = root / RECORD / LOG
    with open(log, "wb") as output:
        done = subprocess.run(EXPORT, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    text = log.read_text(encoding="utf-8", errors="replace")
    if done.returncode == 0 and (root / CLIENT / "index.html").is_file():
        if not _has_half_a_page(root / CLIENT):
            return
    elif not _CUT_OFF.search(" ".join(text.split())):  # lines are wrapped
        raise BuildFailed(f"{_reason(text)} The whole output is in {log}.")
    raise PagesCutOff(
        "The interface could not be built: the machine is too busy to render its pages in the few seconds there are "
        f"for each (its load is {os.getloadavg()[0]:.0f} on {plural(os.cpu_count() or 1, 'processor')})."
    )


def _has_half_a_page(client: Path) -> bool:
    """Whether a page was cut off behind what is seen of it: it would be looked at, and never come to life."""
    texts = (page.read_text(encoding="utf-8", errors="replace") for page in client.rglob("*.html"))
    return any(_OPENS in text and _CLOSES not in text for text in texts)


def _reason(log: str) -> str:
    if "ENOSPC" in log or "No space left" in log:
        return "The interface could not be built because the disk is full."
    if re.search(r"ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|network", log):
        return "The interface could not be built: its packages could not be downloaded, and the first build needs them."
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    said = (errors or lines or ["the build said nothing"])[-1]
    return f"The interface could not be built: {said[:200].rstrip('.')}."


def build_environment() -> dict[str, str]:
    """The environment of a build: this virtual environment's Node first, no telemetry, no registries in the lock."""
    here = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": here + os.pathsep + os.environ.get("PATH", ""),
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED": "true",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_AUDIT": "false",
    }
