"""The record of every call to the provider."""
