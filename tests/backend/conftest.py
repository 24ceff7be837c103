"""These tests need Keras on JAX or on PyTorch: ``KERAS_BACKEND=jax make test-backend``."""

import os

collect_ignore_glob = (
    ["test_*.py"] if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow" else []
)
