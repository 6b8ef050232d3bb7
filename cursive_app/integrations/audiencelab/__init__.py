"""The port to the people database: a client of the Audience Labs contract and one reading of its records.

`provider()` is the client of this process. Only this package speaks the vendor's words; everybody else sees `Person`,
the results of `results.py` and the errors of `errors.py`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from cursive_app.integrations.audiencelab.client import AudienceLab, without_empty
from cursive_app.integrations.audiencelab.contacts import PersonEmail, PersonPhone
from cursive_app.integrations.audiencelab.errors import (
    ProviderAuthFailed,
    ProviderError,
    ProviderNotFound,
    ProviderNotWanted,
    ProviderProtocolError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderServerError,
    ProviderTimeout,
    ProviderUnavailable,
)
from cursive_app.integrations.audiencelab.events import PixelEvent, normalize_event
from cursive_app.integrations.audiencelab.pixels import PixelEvents
from cursive_app.integrations.audiencelab.records import Person, normalize
from cursive_app.integrations.audiencelab.results import (
    Attribute,
    AudiencePage,
    Enrichment,
    Match,
    Page,
    Pixel,
    Preview,
    ProviderCall,
    ProviderHealth,
)
from cursive_app.integrations.audiencelab.transport import RecordCall, TakeSlot
from cursive_app.settings import settings

__all__ = [
    "Attribute", "AudienceLab", "AudiencePage", "Enrichment", "Match", "Page", "Person", "PersonEmail", "PersonPhone",
    "Pixel", "PixelEvent", "PixelEvents", "Preview", "ProviderAuthFailed", "ProviderCall", "ProviderError",
    "ProviderHealth", "ProviderNotFound", "ProviderNotWanted", "ProviderProtocolError", "ProviderRateLimited",
    "ProviderRefused", "ProviderServerError", "ProviderTimeout", "ProviderUnavailable", "TakeSlot", "forget_provider",
    "normalize", "normalize_event", "provider", "record_calls", "share_slots", "without_empty",
]  # fmt: skip

_recorders: list[RecordCall] = []
_shared: list[TakeSlot] = []
_making = threading.Lock()
_made: list[AudienceLab] = []


def record_calls(record: RecordCall | None) -> None:
    """Hand every call of `provider()` to `record` from now on (None: to nobody). Set once at the start of a process."""
    _recorders[:] = [] if record is None else [record]


def _record(call: ProviderCall) -> None:
    for record in _recorders:
        record(call)


def share_slots(take: TakeSlot | None) -> None:
    """Let every call of `provider()` take a slot from `take`, too, from now on (None: from nobody). Set once at the
    start of a process."""
    _shared[:] = [] if take is None else [take]


def _take_slot(*, seconds: float) -> Callable[[], None] | None:
    for take in _shared:
        return take(seconds=seconds)
    return _nothing


def _nothing() -> None:
    """Gives back what was nobody's to give."""


def provider() -> AudienceLab:
    """The client of this process, made from the settings: the vendor with a key, the sandbox without."""
    with _making:  # threads that ask first at the same time must not get one each, with a cap each
        if not _made:
            _made.append(_from_settings())
        return _made[0]


def forget_provider() -> None:
    """The next `provider()` is made anew, from settings that are others by now."""
    with _making:
        _made.clear()


def _begin_in_child() -> None:
    """A forked copy has the connections and the taken places of the process it came from; neither is its own."""
    global _making
    _making = threading.Lock()
    _made.clear()


os.register_at_fork(after_in_child=_begin_in_child)


def _from_settings() -> AudienceLab:
    config = settings()
    return AudienceLab(
        base_url=config.provider_base_url,
        api_key=config.provider_api_key,
        timeout_seconds=config.audiencelab_timeout_seconds,
        max_concurrency=config.audiencelab_max_concurrency,
        page_size=config.audiencelab_page_size,
        page_pause_seconds=config.audiencelab_page_pause_seconds,
        segment_prefix_retry=config.audiencelab_segment_prefix_retry,
        result_hosts=config.audiencelab_result_hosts,
        record_call=_record,
        take_slot=_take_slot,
    )
