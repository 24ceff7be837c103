"""The formats that other programs read."""
