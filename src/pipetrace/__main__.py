"""``python -m pipetrace`` is the command ``pipetrace``."""

from pipetrace.cli import main

main()
