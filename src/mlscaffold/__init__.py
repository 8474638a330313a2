"""Stamp inference servers from serving patterns; find serving anti-patterns in existing code."""

__version__ = "0.1.0"
