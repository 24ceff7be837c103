"""The pipeline: the rows that a user gives, and the preprocessing steps before the model."""
