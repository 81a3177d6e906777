"""Similarities between sites and their correlation across sound and sight."""
