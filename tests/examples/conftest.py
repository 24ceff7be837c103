"""TensorFlow says nothing of the processor while examples train."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
