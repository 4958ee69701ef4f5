"""Doors to other training loops; each needs a package of its own and is imported by nobody here."""
