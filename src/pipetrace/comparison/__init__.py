"""What differs between runs, causes first, as frozen records; and the words for it."""
