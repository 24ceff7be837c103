"""What teachers get: hidden answers, the pages of a class, a gallery."""
