"""The stages as a graph: who gives to whom, what groups into one box, and where each box and line is drawn."""
