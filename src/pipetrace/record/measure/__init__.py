"""What is measured in an epoch, after training and when a training fails."""
