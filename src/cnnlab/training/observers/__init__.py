"""Observers of a run, called by the session: one per file."""
