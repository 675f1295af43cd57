"""Reproducible figures of speed and size: `make bench`, or `python -m benchmarks NAME ...`; `--help` lists the names.

speed.py    Bark small and large: every form of ours against transformers, stage by stage, and the time to the first audio
batch.py    several rows, and several clips, at once: all together against one after another
memory.py   what each form and memory profile takes
rivals.py   Bark small's decode step and prompt as onnxruntime, OpenVINO, torchao and torch's own 8 bits compute them
            (static_step.py: in which form they get it; rival_libraries.py: how each is set up)
quality.py  what rounding costs: tokens, logits, words
stream.py   the shipped model against transformers' BarkModel, whole and streamed, one thread
sound.py    its stream across the process border: the first packets that can be heard, and how loud they are
look_ahead.py  what the look-ahead of streamed fine codes brings and costs
start.py    the bot from its start to connected on loopback, and its memory

random_bark.py makes models of the true sizes, forms.py all forms of them, work.py what is timed; floors.py says what the
machine allows, turns.py takes the time, report.py prints.
"""

import synth  # noqa: F401 # before torch: it sets how torch's idle threads wait
