"""The sample town: a map made from a seed, with everything that is heard and seen in it."""
