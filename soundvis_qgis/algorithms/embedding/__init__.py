"""Tools that turn recordings, photos and imagery into embeddings."""
