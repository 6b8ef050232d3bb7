"""The REST API, version 1: one module per room, each exporting `router`."""
