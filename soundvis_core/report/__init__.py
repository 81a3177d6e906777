"""Figures and the HTML report of a correlation run."""

from .page import write_report

__all__ = ["write_report"]
