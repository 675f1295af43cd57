"""Reproducible figures of speed and size: `make bench`, or `python -m benchmarks NAME ...`.

engine.py   the shipped model against transformers' BarkModel, both in one run, one thread
stream.py   streamed speech against whole speech: time to the first audio, time in all
sound.py    the same across the process border: the first packets that can be heard, and how loud they are
look_ahead.py  what the look-ahead of streamed fine codes brings and costs
start.py    the bot from its start to connected on loopback, and its memory
"""
