"""The miniature Bark that ships with the code."""
