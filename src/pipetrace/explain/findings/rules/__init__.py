"""The rules, a file for each family; a rule is found here by itself, no list names it."""
