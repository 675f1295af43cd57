"""The three transformers on a CPU, faster: one C source, compiled on this machine, in float32 or with 8-bit weights.

choose.py        what a loaded model is given: compiled networks, or torch's, with the reason in the log
build.py         C source -> shared library in the user's cache folder, once for each machine and compiler
library.py       the library's structures and functions, and its threads
packed.py        weights in the order in which the library reads them
networks.py      the causal and the fine transformer of synth.model, computed by the library
quantised.py     8-bit arithmetic in plain torch: its definition, and what runs where there is no compiler
transformer.c    the arithmetic (vectors.h, tiles.h and pool.h help it): begin there
"""
