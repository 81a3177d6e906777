"""Screening: what is amiss with a recording or a photo, window by window. It scores and advises; it never deletes."""
