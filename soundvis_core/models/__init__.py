"""Models: what describes a recording, a photo or a tile, and what segments it."""
