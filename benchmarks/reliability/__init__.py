"""Reliability, measured: ``python -m benchmarks.reliability`` writes docs/reliability.md."""
