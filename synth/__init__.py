"""Text in, audio file out: Bark's three stages and its codec, in a process of their own.

Importing this package costs nothing. One job runs through these files, in this order:

    protocol.py    the frozen messages between the bot and this process (the bot may import it)
    process.py     the parent's half: handshake, watchdog, restart, drain (the bot may import it)
    life.py        one life of the child, from spawn to burial     flight.py    a job that the child has
    patience.py    how long to wait for what
    worker.py      the child's half: jobs side by side, cancellation, exit codes    outbox.py  what it says
    device.py      where the model runs             engine.py    one job, from its text to its file
    room.py        which model fits, in which memory profile       places.py    weights that are not on the device for good
    checkpoint.py  a model folder or hub name -> the three transformers, codec, tokenizer, voices
                   (weights.py, config.py, suno.py, download.py help it)
    bark.py        the loaded model, a request to it, and its answer
    pipeline.py    pieces of text -> semantic -> coarse -> fine -> waveform; the order lives here
    stream.py      the same while it is being made: audio leaves as soon as nothing that follows can change it
    piece.py       one piece of text on its way through the stages, for both
                   (progress.py tells how far, memory.py what to do when there is too little memory)
    takes.py       several versions of one text at once
    text.py        normalise, split into pieces; never cut silently     tokenizer.py  text -> ids
    voices.py      history prompts
    semantic.py coarse.py fine.py codec.py   a stage each, on model.py and sampling.py
                   (convolutions.py lets the codec go on where it was)
    cpu/           the transformers on a CPU: C compiled on this machine, exact or with 8-bit weights
    cuda/          the same on CUDA: static steps as CUDA graphs, Triton kernels, 8-bit or 4-bit weights
    mastering.py   the pieces' waveforms -> one: trimmed, joined, levelled, limited
    audio.py       waveform -> Ogg Opus, MP3, FLAC or WAV          growing.py   a file beside its place until it is whole
                   (credentials.py signs it, chain.py makes a certificate for that, cue.py is what may be heard first)
    enrol/         recordings: what they say, and voices made of them
    bounded.py     strangers' files are read in a child of their own (the bot may import it): bounded_tasks.py, decode.py
    live.py        from a request to the bytes of its Ogg Opus file while it is being made:
                   stream.py -> trimmer.py (joined) -> marking.py -> leveller.py (loudness so far) -> encoder.py
    watermark.py   the mark of every clip: marking.py puts it in, mark_search.py looks for it, mark_key.py has its key
                   (docs/watermark.md says what it proves)
    listener.py    the packets of a file that still grows          ogg.py       Ogg bytes -> Opus packets (the bot may import both)
    verify.py      what a file tells of where it comes from (the bot imports it)
    private_file.py  what its owner alone may read (the bot may import it)
    lines.py       the log as lines that nobody can forge (the bot may import it)
    pup/           the miniature Bark that ships with the code
"""

import os

# torch's threads would spin for milliseconds after each of its operations, on the cores that the compiled kernels'
# threads need for the next ones: steps of two and more rows took three times as long. GNU's OpenMP reads this when torch is
# imported, so it stands here; transformers is as fast with it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
