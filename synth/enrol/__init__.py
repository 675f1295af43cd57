"""Recordings of a person: what they say, and voices made of them.

    enrolment.py   both, as the worker asks for them; what of it is on this machine
    sources.py     where its networks are, and fetching them
    hearing.py     the sound of a stranger's file, decoded in a bounded child (synth/bounded.py)
    level.py       where somebody speaks in it, and how good it is
    recogniser.py  what is said: Whisper, from a folder; nothing is checked where there is none
    best.py        the stretch that becomes the voice: at most 7 s, ended well
    maker.py       that stretch -> a history prompt, by
                   networks.py (loading, taking turns),
                   hubert.py and quantizer.py (semantic tokens, 49.9 Hz), and encode.py (codes, 75 Hz)

All of it runs on the CPU: a GPU's memory is planned for rendering, and a voice is made a few times a day. Models are loaded
for one recording and let go. The work lets others have a turn between any two layers.
"""
