"""Cursive: lead intelligence. The composition root is `cursive_app.cursive_app`."""

__version__ = "0.1.0"
