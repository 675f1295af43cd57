"""The six steps of one request: ask, check, queue, render, reply, voice.

clips.py: finished audio that is kept for a while. voice_message.py: the same as Discord's bubble with a picture of the sound.
cast.py: who speaks in a dialogue. plain.py: what of a chat message can be spoken. tally.py: how much was.
gcra.py, meters.py: how many seconds of audio people and servers may have.
"""
