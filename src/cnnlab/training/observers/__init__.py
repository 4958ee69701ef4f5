"""What looks at a run without changing it: one file each, all called by the session."""
