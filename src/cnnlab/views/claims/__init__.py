"""Verdicts on claims: their evidence as a figure and a table; all claims as a document and as a page."""
