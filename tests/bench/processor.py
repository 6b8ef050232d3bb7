"""Processor time of a database server: what a measurement cost, whatever else the machine was doing meanwhile."""

from __future__ import annotations

import psutil

from db.embedded import EmbeddedPostgres


def server_seconds(server: EmbeddedPostgres) -> float:
    """Seconds of processor time that all processes of a server have used so far, those that have ended included."""
    pid = server.pid()
    assert pid is not None
    first = psutil.Process(pid)
    own = first.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in first.children():
        try:
            used = child.cpu_times()
        except psutil.NoSuchProcess:
            return server_seconds(server)  # it has just ended, and its parent has counted it
        total += used.user + used.system
    return total
