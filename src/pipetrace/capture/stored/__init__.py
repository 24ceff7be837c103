"""Rows as they are stored in files that TensorFlow reads: images and TFRecords."""
