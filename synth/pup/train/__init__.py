"""The training of the five networks: a task each, and one loop for all.

loop.py      steps, checkpoints, losses     trunk.py     the transformers as they are trained
semantic.py  coarse.py  fine.py             decoder.py  encoder.py  losses.py   the codec's two halves
material.py  the corpus in every voice, as latents and codes
ear.py       afterwards, without a teacher: what the finished model says teaches it to write down what it hears
"""
