"""Credits: the append-only ledger."""
