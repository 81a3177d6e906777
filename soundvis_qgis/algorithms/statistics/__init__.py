"""Tools that relate sound to sight."""
