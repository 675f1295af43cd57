"""Reproducible figures of speed: ratios measured in one run."""
