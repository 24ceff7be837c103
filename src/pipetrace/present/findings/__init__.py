"""What the rules found, to be shown: as views, as text, and in the forms that other tools read."""
