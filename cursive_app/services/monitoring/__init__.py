"""Watching the vendors. Owns `provider_calls`; promises that every call to the provider is on record and that
recording never breaks or slows the call it describes."""

from __future__ import annotations

from cursive_app.services.monitoring.calls import CallRecorder, create_partitions, start_recording, write_calls

__all__ = ["CallRecorder", "create_partitions", "start_recording", "write_calls"]
