"""Reproducible figures of speed and size: `make bench`, or `python -m benchmarks NAME ...`.

cpu.py      Bark small on a CPU: every form of ours against transformers, stage by stage (work.py: what is timed)
rivals.py   its decode step and prompt as onnxruntime, OpenVINO, torchao and torch's own 8 bits compute them
            (static_step.py: in which form they get it; rival_libraries.py: how each is set up)
batch.py    several rows, and several clips, at once: all together against one after another
quality.py  what rounding costs: tokens, logits, words
engine.py   the shipped model against transformers' BarkModel, both in one run, one thread
stream.py   streamed speech against whole speech: time to the first audio, time in all
sound.py    the same across the process border: the first packets that can be heard, and how loud they are
look_ahead.py  what the look-ahead of streamed fine codes brings and costs
start.py    the bot from its start to connected on loopback, and its memory

small.py and random_bark.py make models of the true sizes; turns.py times them, report.py prints.
"""
