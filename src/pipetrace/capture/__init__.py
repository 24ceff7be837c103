"""The only part that imports Keras and TensorFlow, and only when it is called."""
