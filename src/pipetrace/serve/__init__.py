"""The runs of a folder in the browser: a table, and pages that grow by the epoch."""
