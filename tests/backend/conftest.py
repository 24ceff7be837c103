"""These tests need Keras on JAX or on PyTorch: ``KERAS_BACKEND=jax make test-backend``."""

import os

# Where others compute too, PyTorch's threads wait for each other, many times as long as they save.
os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore_glob = (
    ["test_*.py"] if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow" else []
)
