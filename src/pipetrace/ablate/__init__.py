"""``pipetrace ablate``: a run trained again with one thing changed, to see what it is for."""
