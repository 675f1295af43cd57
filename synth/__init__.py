"""Text in, audio file out: Bark's three stages and its codec, in a process of their own.

Importing this package costs nothing. One job runs through these files, in this order:

    protocol.py    the frozen messages between the bot and this process (the bot may import it)
    process.py     the parent's half: spawn, handshake, restart, drain (the bot may import it)
    worker.py      the child's half: one job at a time, progress, cancellation, exit codes
    checkpoint.py  a model folder or hub name -> the three transformers, codec, tokenizer, voices
    pipeline.py    text -> pieces -> semantic -> coarse -> fine -> waveform; the order lives here
    text.py        normalise, split into pieces; never cut silently
    voices.py      history prompts
    semantic.py coarse.py fine.py codec.py   a stage each, on model.py and sampling.py
    audio.py       float32 waveform -> Ogg Opus, MP3, FLAC or WAV
"""
