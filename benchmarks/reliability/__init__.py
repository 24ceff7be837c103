"""What pipetrace promises of the user's training, traces and files, tried and counted."""
