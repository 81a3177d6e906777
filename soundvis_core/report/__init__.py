"""Figures and the HTML report of a correlation run, and its numbers as CSV."""

from .page import csv_beside, write_report

__all__ = ["csv_beside", "write_report"]
