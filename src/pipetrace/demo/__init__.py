"""The built-in example: handwritten digits, a small Conv2D model, and its recorded run."""
