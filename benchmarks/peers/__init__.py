"""Other servers under the same load: the yardsticks."""
