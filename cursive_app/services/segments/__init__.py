"""Segments: a filter with a name, what it finds, and its runs.

Owns the tables `saved_segments`, `segment_drafts`, `segment_runs`, `segment_leads` and `provider_words`.
"""
