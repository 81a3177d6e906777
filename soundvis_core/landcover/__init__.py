"""Land cover maps: their shapes in metres on the ground."""
