"""A trace in the forms of other tools: tables, TensorBoard's event files, runs of MLflow."""
