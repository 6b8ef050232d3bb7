"""The `cursive` command. Expected failures end with one sentence, never with a stack trace."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Literal
from uuid import uuid4

import click
from pydantic import ValidationError

from cursive_app import __version__
from cursive_app.errors import CursiveError
from cursive_app.setting_rules import refusals
from cursive_app.settings import Settings, settings
from cursive_app.supervisor import REFUSED


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cursive")
@click.option("--parent", type=int, hidden=True, help="End when this process ends.")
def cursive(parent: int | None) -> None:
    """Cursive: search 280M people, save segments, own the leads, act on them.

    Everything is configured by environment variables; the README lists them and `cursive doctor` shows their values.
    """
    if parent is not None:
        from cursive_app.lifeline import die_with_parent

        die_with_parent(parent)


def main() -> None:
    """Run the command that was typed; called by `cursive_app.__main__`."""
    with _plain_failures():
        cursive(standalone_mode=True)


@cursive.command()
def up() -> None:
    """Start everything on this machine and print where it is.

    Embedded Postgres, migrations, demo workspace, sandbox, web and worker; parts with a real counterpart configured are
    left out. Ctrl-C stops all of it.
    """
    from cursive_app.up import up as run

    sys.exit(run(settings(), say=_say))


@cursive.command()
@click.option("--as-built", is_flag=True, help="Serve what was built last, without looking for changed sources.")
def web(as_built: bool) -> None:
    """Serve the pages and the HTTP API on HOST:PORT."""
    from cursive_app.build import ensure_built
    from cursive_app.serve import serve

    config = _ready_for("web")
    if not as_built:
        ensure_built(say=_say)
    serve(config)


@cursive.command()
def worker() -> None:
    """Work on the queue; one worker at a time also keeps the clock."""
    from cursive_app.jobs.worker import run

    run(_ready_for("worker"))


@cursive.command()
def sandbox() -> None:
    """Serve the vendors' stand-ins: provider of synthetic people, mailbox. Never in production."""
    from cursive_app.sandbox.app import run

    config = _ready_for("sandbox")
    if config.is_production:
        raise click.ClickException("The sandbox serves synthetic people and never runs in production.")
    run(config)


@cursive.command()
@click.option("--revision", default="head", show_default=True, help="Where to; `-1` goes one step back.")
def migrate(revision: str) -> None:
    """Create the two database roles and bring the schema to the newest revision."""
    from db.migrate import migrate as run

    config = _configured("migrate")
    with _database_running(config):
        run(config, revision=revision)
    click.echo("The database schema is up to date." if revision == "head" else f"The schema is at {revision}.")


@cursive.command()
def demo() -> None:
    """Create the demo workspace: people who can log in, credits, saved segments, one run. Safe to repeat."""
    from cursive_app.sandbox.demo import ensure_demo
    from cursive_app.sandbox.logins import LOGINS, PASSWORD

    config = _configured("demo")
    with _database_running(config):
        created = ensure_demo(config)
    click.echo("The demo workspace is ready." if created else "The demo workspace was there already.")
    click.echo(f"Password of all: {PASSWORD}")
    for login in LOGINS:
        click.echo(f"  {login.email:<28}{login.purpose}")


@cursive.command()
def build() -> None:
    """Build the pages if their sources changed since the last build."""
    from cursive_app.build import ensure_built

    _configured("build")
    built = ensure_built(say=_say)
    click.echo("The interface is built." if built else "The interface was built already; nothing changed.")


@cursive.command(hidden=True)
def prepare() -> None:
    """What `cursive up` does before it serves: migrate, demo, build. One process, because starting three takes longer.

    Lines that start with `> ` are passed on to the operator.
    """
    from cursive_app.build import ensure_built
    from db.migrate import migrate as run

    config = _configured("prepare", level=None)
    run(config)
    if not config.is_production:
        from cursive_app.sandbox.demo import ensure_demo

        ensure_demo(config)
    ensure_built(say=lambda text: _say(f"> {text}"))


@cursive.command()
def doctor() -> None:
    """Show every setting, what is embedded, real or missing, and what is reachable.

    Exits with 1 when CURSIVE_ENV is production and something is unsafe or out of reach.
    """
    from cursive_app.doctor import diagnose

    sys.exit(diagnose(settings(), say=click.echo))


_STAFF_ROLES: dict[str, Literal["read_only", "operate", "all"] | None] = {
    "read-only": "read_only",
    "operate": "operate",
    "all": "all",
    "none": None,
}


_DIFFERENCES_TOLD = 20


@cursive.command("make-admin")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(list(_STAFF_ROLES)),
    default="all",
    show_default=True,
    help="read-only sees every job; operate also retries, stops and pauses; all also deletes; none ends it.",
)
def make_admin(email: str, role: str) -> None:
    """Make the person with this e-mail address platform staff."""
    from cursive_app.services.accounts import make_admin as run

    config = _configured("make-admin")
    with _database_running(config):
        run(email, role=None if role == "none" else role.replace("-", "_"))  # type: ignore[arg-type]  # of the choices
    click.echo(
        f"{email} is platform staff now ({role})." if role != "none" else f"{email} is no longer platform staff."
    )


@cursive.command("grant-credits")
@click.argument("workspace")
@click.argument("amount")
@click.argument("reason")
@click.option("--key", help="Repeating the command with the same key grants once; without one, every time.")
def grant_credits(workspace: str, amount: str, reason: str, key: str | None) -> None:
    """Give AMOUNT credits to the workspace with this slug; REASON stands on its statement."""
    from cursive_app.services.credits import grant_credits as run

    config = _configured("grant-credits")
    with _database_running(config):
        granted = run(workspace, amount, reason, key=key or f"cli:{uuid4()}")
    click.echo(
        f"{granted.workspace_name} has got {granted.line.amount:,.2f} credits; "
        f"{granted.line.balance_after:,.2f} are available now."
    )


@cursive.command("prove-ledger")
def prove_ledger() -> None:
    """Compare every balance with the sum of its ledger lines, after a restore for example; changes nothing.

    Exits with 1 when a sum is off, and says whose, which and by how much.
    """
    from cursive_app.services.credits import proof_in_words, prove

    config = _configured("prove-ledger")
    with _database_running(config):
        proof = prove()
        told = proof_in_words(proof, most=_DIFFERENCES_TOLD)
    covered = f"{proof.lines:,} lines of {proof.workspaces:,} workspaces"
    if proof.holds:
        click.echo(f"The ledger is sound: {covered}.")
        return
    click.echo(f"The ledger is off in {len(proof.differences):,} places; looked at {covered}.")
    for line in told:
        click.echo(f"  {line}")
    if more := len(proof.differences) - len(told):
        click.echo(f"  and {more:,} more.")
    sys.exit(1)


@cursive.command("probe-provider")
def probe_provider() -> None:
    """Check in seven steps that the configured provider behaves as Cursive expects; what it makes there it deletes."""
    from cursive_app.integrations.audiencelab.probe import probe_provider as run
    from cursive_app.preflight import running_provider_url

    config = _configured("probe-provider", level="CRITICAL")  # what fails is said below, in words
    url = running_provider_url(config)
    click.echo(f"Provider: {url}")
    steps = []
    for step in run(url, config.provider_api_key):
        steps.append(step)
        click.echo(f"  {'ok ' if step.ok else 'NO '} {step.name}: {step.detail}")
    failed = sum(not step.ok for step in steps)
    if failed == len(steps) and url != config.audiencelab_base_url and config.provider_is_sandbox:
        click.echo(
            "The sandbox runs while `cursive up` does; start it, or set AUDIENCELAB_API_KEY to probe the vendor."
        )
    click.echo(f"{failed} of {len(steps)} steps failed." if failed else f"All {len(steps)} steps passed.")
    sys.exit(1 if failed else 0)


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


def _configured(process: str, *, level: str | None = "WARNING") -> Settings:
    """The settings, with the logs of this process set up. A command that speaks to a person logs from `level` on unless
    LOG_LEVEL is set; None is for processes that serve."""
    from cursive_app import telemetry

    config = settings()
    chosen = config.log_level if level is None or "log_level" in config.model_fields_set else level
    telemetry.configure(config.model_copy(update={"log_level": chosen}), process=process)
    return config


def _ready_for(process: str) -> Settings:
    """As `_configured`, for a process that must not start on settings that are unsafe for production."""
    config = _configured(process, level=None)
    if config.is_production and (problems := config.production_problems()):
        click.echo(f"Not safe for production: {' '.join(problems)}", err=True)
        sys.exit(REFUSED)
    return config


@contextlib.contextmanager
def _database_running(config: Settings) -> Iterator[None]:
    """The embedded Postgres for the length of one command, when no `cursive up` runs it; never in production."""
    if config.is_production or config.database_url is not None or config.database_system_url is not None:
        yield
        return
    from db.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(config.data_dir)
    was_running = server.pid() is not None
    server.start()
    try:
        with _stopping_on_signal():
            yield
    finally:
        if not was_running:
            server.stop()


@contextlib.contextmanager
def _stopping_on_signal() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


@contextlib.contextmanager
def _plain_failures() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        found = _in_words(error)
        if found is None:
            raise
        text, code = found
        click.echo(text, err=True)
        sys.exit(code)


def _in_words(error: Exception) -> tuple[str, int] | None:
    """What to say about an expected failure, and the exit code; None for a defect.

    Imports here are late on purpose: most processes never need them, and they cost half a second of each start.
    """
    if isinstance(error, ValidationError):
        return "\n".join(refusals(error, Settings.model_fields)), REFUSED
    from psycopg import OperationalError
    from sqlalchemy.exc import OperationalError as WrappedOperationalError

    from cursive_app.build import BuildFailed
    from db.embedded import EmbeddedPostgresError
    from db.migrate import UnsuitableDatabase

    if isinstance(error, BuildFailed):
        return str(error), REFUSED
    if isinstance(error, CursiveError | EmbeddedPostgresError | UnsuitableDatabase):
        return str(error), 1
    if isinstance(error, OperationalError | WrappedOperationalError):
        from cursive_app.telemetry import redact

        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        return f"The database is out of reach: {redact(cause[0]) if cause else 'no reason given'}", 1
    return None
