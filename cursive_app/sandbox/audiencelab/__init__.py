"""The stand-in for the people provider: a real HTTP server with synthetic people and the vendor's quirks."""

from __future__ import annotations

from cursive_app.sandbox.audiencelab.app import API_KEY, create_app

__all__ = ["API_KEY", "create_app"]
