"""The staff's side of jobs: every job of every workspace, what went wrong, and the means to mend it (JOB-01..16)."""
