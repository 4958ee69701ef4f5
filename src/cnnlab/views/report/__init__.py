"""The report of a sweep: a page, a Markdown file, a table, a terminal report."""
