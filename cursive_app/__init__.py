"""Cursive: lead intelligence. The composition root is `cursive_app.cursive_app`."""
