"""Models changed before they train: rebuilt with other layers, or with new first weights."""
