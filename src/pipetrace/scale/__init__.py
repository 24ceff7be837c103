"""Rows in many files, measured file by file in this process or on a Dask cluster, and merged."""
