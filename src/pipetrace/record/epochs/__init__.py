"""What is recorded of each epoch: measurements, and the weights themselves."""
