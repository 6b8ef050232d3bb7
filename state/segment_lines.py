"""Segments, runs and samples as the pages show them: text made once, on the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from cursive_app.plurals import plural
from cursive_app.services import segments
from cursive_app.services.jobs import JobView
from state import times
from state.job_rows import kept_back_words

NEVER = "–"
OUTCOMES: dict[str, str] = {
    "full": "Complete",
    "exhausted": "Complete",
    "no_match": "No match",
    "nobody": "Nobody found",
    "filters_ignored": "Not billed",
    "access_lost": "Stopped",
    "cancelled": "Stopped",
    "failed": "Failed",
}
STAGES = ("queued", "building", "fetching", "checking", "charging", "done")
STAGE_WORDS = {
    "queued": "Queued",
    "building": "The provider builds the list",
    "fetching": "Fetching people",
    "checking": "Checking every record",
    "charging": "Delivering and charging",
    "done": "Done",
}


def credits_text(amount: Decimal) -> str:
    """ "0.50 credits"."""
    return f"{amount:,.2f} {'credit' if amount == 1 else 'credits'}"


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """One row of the list."""

    id: str = ""
    name: str = ""
    description: str = ""
    sentence: str = ""
    scope: str = ""
    status: str = ""
    is_provider: bool = True
    is_shared: bool = True
    author: str = ""
    may_edit: bool = False
    can_run: bool = False
    is_running: bool = False
    is_broken: bool = False  # its filter can no longer be read; it waits for somebody to mend it
    last_run: str = NEVER
    last_run_exact: str = ""
    last_count: str = NEVER
    updated: str = ""
    updated_exact: str = ""
    version: int = 1
    max_leads: str = ""
    ceiling: str = ""
    deleted: str = ""
    deleted_exact: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run, in the panel and in the history."""

    id: str = ""
    status: str = ""
    stage: str = "queued"
    stage_word: str = ""
    stage_number: int = 0
    is_active: bool = False
    cancelling: bool = False
    kept_back: str = ""
    outcome: str = ""
    tone: str = "neutral"
    message: str = ""
    actor: str = ""
    started: str = ""
    started_exact: str = ""
    requested: str = ""
    total: str = ""
    fetched: str = "0"
    matched: str = "0"
    new: str = "0"
    owned: str = "0"
    twice: str = "0"
    not_taken: str = "0"
    is_full: bool = False
    left_out: str = "0"
    credits: str = "0.00"
    ceiling: str = ""
    delta: str = ""
    percent: int = 0
    open_ended: bool = True
    leads_url: str = ""
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One masked person, or one of the workspace's own leads."""

    name: str = ""
    title: str = NEVER
    company: str = NEVER
    place: str = NEVER
    email: str = ""
    phone: bool = False
    linkedin: bool = False
    fits: str = ""
    owned: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class SampleCard:
    """What a preview found."""

    size: str = ""
    headline: str = ""
    share: int = 0
    fits: str = "0"
    fails: str = "0"
    unknown: str = "0"
    owned: str = "0"
    new: str = "0"
    narrowed: str = ""
    checked: list[str] = field(default_factory=list)
    dropped: str = ""
    ignored: str = ""
    rows: list[SampleLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class QuoteCard:
    """The price before."""

    price: str = ""
    most: str = ""
    leads: str = ""
    available: str = ""
    missing: str = ""
    enough: bool = True


def _last_found(view: segments.SegmentView) -> str:
    """How many the last run found; with a plus where it ended before it had looked at everybody."""
    if view.last_count is not None:
        return plural(view.last_count, "match", "matches")
    return f"{view.last_matched:,}+ matches" if view.last_matched else NEVER


def segment_line(view: segments.SegmentView, timezone: str, *, may_run: bool) -> SegmentLine:
    ran = view.last_run_at
    runs = view.scope == "provider" and view.status == "active" and view.active_run_id is None and view.gone is None
    never = "Never run" if view.scope == "provider" else NEVER if view.gone else "Always live"
    return SegmentLine(
        id=str(view.id),
        name=view.name,
        description=view.description,
        sentence=view.sentence,
        scope="People database" if view.scope == "provider" else "My leads",
        status=view.status,
        is_provider=view.scope == "provider",
        is_shared=view.is_shared,
        author=view.author,
        may_edit=view.may_edit,
        can_run=may_run and runs,
        is_running=view.active_run_id is not None,
        is_broken=view.gone is not None,
        last_run=times.ago(ran) if ran else never,
        last_run_exact=times.exact(ran, timezone) if ran else "",
        last_count=_last_found(view),
        updated=times.ago(view.updated_at),
        updated_exact=f"{times.exact(view.updated_at, timezone)}, by {view.updated_by}",
        version=view.version,
        max_leads="" if view.max_leads is None else str(view.max_leads),
        ceiling="" if view.ceiling is None else str(view.ceiling),
        deleted=times.ago(view.deleted_at) if view.deleted_at else "",
        deleted_exact=times.exact(view.deleted_at, timezone) if view.deleted_at else "",
        until=times.day(view.deleted_at + segments.RESTORABLE, timezone) if view.deleted_at else "",
    )


def consequence_text(found: segments.Attached) -> str:
    """What deleting a segment does and leaves, with counts."""
    back = f"You can restore it for {segments.RESTORABLE.days} days under “Deleted”."
    if found.scope == "leads":
        return f"It goes from the list. It is a view of leads you own, and every one of them stays. {back}"
    if not found.runs:
        return f"It goes from the list. It has never run, so no lead came from it. {back}"
    stay = "stays" if found.runs == 1 else "stay"
    came = "None of your leads came from it."
    if found.leads:
        came = (
            "The lead it found stays yours." if found.leads == 1 else f"All {found.leads:,} leads it found stay yours."
        )
    return (
        f"It goes from the list. {plural(found.runs, 'run')} {stay} in Jobs and in the credit statement. {came} {back}"
    )


def run_line(view: segments.RunView, timezone: str, *, job: JobView | None = None) -> RunLine:
    """A run; `job` is the one that moves it, as far as it was asked for and the person may see jobs."""
    moving = job.stage if job is not None else ""
    stage = "done" if not view.is_active else moving or ("queued" if view.status == "queued" else "building")
    tone = {"completed": "good", "failed": "bad", "cancelled": "warn"}.get(view.status, "info")
    if view.outcome in ("no_match", "nobody"):
        tone = "neutral"
    return RunLine(
        id=str(view.id),
        status=view.status,
        stage=stage,
        stage_word=STAGE_WORDS.get(stage, stage.capitalize()),
        stage_number=STAGES.index(stage) if stage in STAGES else 0,
        is_active=view.is_active,
        cancelling=job is not None and job.cancel_requested,
        kept_back=kept_back_words(job, timezone) if job is not None else "",
        outcome=OUTCOMES.get(view.outcome or "", "Running" if view.is_active else view.status.capitalize()),
        tone=tone,
        message=view.message or "",
        actor=view.actor,
        started=times.ago(view.created_at),
        started_exact=times.exact(view.created_at, timezone),
        requested=f"{view.max_leads:,}",
        total=_total(view),
        fetched=f"{view.fetched:,}",
        matched=f"{view.matched:,}",
        new=f"{view.new_leads:,}",
        owned=f"{view.owned_leads:,}",
        twice=f"{view.duplicates:,}",
        not_taken=f"{view.not_taken:,}",
        is_full=view.outcome == "full",
        left_out=f"{view.undelivered:,}",
        credits=f"{view.credits_captured:,.2f}",
        ceiling=f"{view.ceiling:,.2f}",
        delta="" if view.delta is None else f"{view.delta:+,}",
        percent=min(100, round(100 * view.new_leads / view.max_leads)),
        open_ended=view.is_active and not view.fetched,
        leads_url=f"/leads?run={view.id}" if view.new_leads else "",
        dropped=", ".join(view.dropped_members),
    )


def _total(view: segments.RunView) -> str:
    if view.audience_total is None:
        return "not known yet" if view.is_active else NEVER
    return f"{view.audience_total:,}{'+' if view.audience_capped else ''}"


def sample_card(view: segments.PreviewView) -> SampleCard:
    decided = view.fits + view.fails
    share = round(100 * view.fits / decided) if decided else 0
    headline = f"{view.fits:,} of {decided:,} people whose record says enough match every condition."
    return SampleCard(
        size=f"Sample of {view.sample_size:,}",
        headline=headline if decided else "The sample's records do not say enough to tell who matches.",
        share=share,
        fits=f"{view.fits:,}",
        fails=f"{view.fails:,}",
        unknown=f"{view.unknown:,}",
        owned=f"{view.owned:,}",
        new=f"{view.new:,}",
        narrowed=", ".join(view.narrowed),
        checked=list(view.checked),
        dropped=", ".join(view.dropped),
        ignored=view.ignored or "",
        rows=[
            SampleLine(
                name=row.name,
                title=row.job_title or NEVER,
                company=row.company or NEVER,
                place=row.place or NEVER,
                email="verified" if row.has_verified_email else "yes" if row.has_email else "",
                phone=row.has_phone,
                linkedin=row.has_linkedin,
                fits={True: "yes", False: "no", None: "unknown"}[row.fits],
                owned=row.owned,
            )
            for row in view.rows
        ],
    )


def lead_sample(row: segments.LeadGlimpse) -> SampleLine:
    return SampleLine(
        name=row.name,
        title=row.job_title or NEVER,
        company=row.company or NEVER,
        place=row.place or NEVER,
        email="verified" if row.has_verified_email else "yes" if row.has_email else "",
        phone=row.has_phone,
        linkedin=row.has_linkedin,
        fits="yes",
        owned=True,
        url=f"/leads?lead={row.id}",
    )


def quote_card(view: segments.Quote) -> QuoteCard:
    return QuoteCard(
        price=credits_text(view.price_each),
        most=credits_text(view.most_credits),
        leads=plural(view.most_leads, "new lead"),
        available=credits_text(view.available),
        missing=credits_text(view.missing),
        enough=view.missing == 0,
    )
