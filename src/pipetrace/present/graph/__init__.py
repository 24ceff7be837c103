"""The stages as a graph: who gives to whom, what folds into one box, and where each box and line is drawn."""
