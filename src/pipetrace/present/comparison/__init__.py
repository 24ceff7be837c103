"""A comparison of runs, ready to show."""
