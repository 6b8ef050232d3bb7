"""Leads a workspace owns."""
