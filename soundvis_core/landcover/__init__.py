"""Land cover maps: their shapes in metres on the ground, and their tags."""
