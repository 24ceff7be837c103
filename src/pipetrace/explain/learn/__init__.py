"""Nine ways to learn from one run. Each file makes one; ``modes`` lists them."""
