"""The isolated environment and the worker process in it."""
