"""Reproducible figures of speed and size: `make bench`, or `python -m benchmarks NAME ...`.

engine.py   the shipped model against transformers' BarkModel, both in one run, one thread
start.py    the bot from its start to connected on loopback, and its memory
"""
