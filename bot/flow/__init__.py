"""The six steps of one request: ask, check, queue, render, reply, voice.

cast.py: who speaks in a dialogue. plain.py: what of a chat message can be spoken. tally.py: how much was.
"""
