"""The stages as a graph: connections, groups, and the positions of boxes and lines."""
