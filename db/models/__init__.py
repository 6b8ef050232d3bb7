"""Every table of Cursive. Importing this package registers them all with `Base.metadata`."""

from db.models import accounts, credits, enrichment, jobs, leads, notices, provider, segments

__all__ = ["accounts", "credits", "enrichment", "jobs", "leads", "notices", "provider", "segments"]
