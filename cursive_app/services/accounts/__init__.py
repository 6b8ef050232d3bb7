"""Accounts: people, workspaces, roles, sessions, keys."""
