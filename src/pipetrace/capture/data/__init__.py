"""Where rows come from: datasets of TensorFlow, and images with labels through Keras."""
