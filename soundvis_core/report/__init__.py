"""Figures and the HTML report of a correlation run."""
