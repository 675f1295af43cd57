"""The transformers on CUDA: a decode step over fixed buffers, captured as CUDA graphs, with fp16, 8-bit or 4-bit weights.

Nothing here needs a GPU but graphs.py's `Captured` and the Triton kernels: the step is the same code on any device, and
is tested on the CPU.

choose.py        what a loaded model is given, with the reason in the log
static.py        the semantic and the coarse transformer as a step without a host sync
slots.py         keys and values of all rows in one tensor
buffers.py       what a step reads and writes besides
outputs.py       which tokens a network can draw
graphs.py        the step called directly, or captured and replayed
kernels.py       whether Triton's kernels can be used here    trial.py     how that is found out
noise.py         the noise of synth.sampling, made on the device        philox.py    its kernel
quantised.py     layers with narrow weights, and their definition       products.py  its kernels
"""
