"""Every table of Cursive. Importing this package registers them all with `Base.metadata`."""

from db.models import accounts, credits, jobs, leads, provider, segments

__all__ = ["accounts", "credits", "jobs", "leads", "provider", "segments"]
