"""Watching a run and writing what it measures into a trace."""
