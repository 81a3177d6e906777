"""Biophony, geophony, anthrophony: weights of classes and compositions of sites."""
