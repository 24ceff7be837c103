"""What a learner makes of a run: its program, in Keras."""
