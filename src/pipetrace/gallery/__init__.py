"""A dozen small trainings to teach with: programs, and what records them."""
