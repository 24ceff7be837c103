"""What recording costs, beside training and predicting without it and beside other ways to look at a model."""
