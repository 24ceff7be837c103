"""Showing a trace: views that are decided once, and the terminal and the page that draw them."""
