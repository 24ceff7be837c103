"""The runs of a folder in a table: ``pipetrace runs``, and ``pipetrace.runs`` for programs."""
