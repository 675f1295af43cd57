"""Slash commands, buttons and modals: thin; they build an Ask or read the store.

say.py: `/bark say`. buttons/: what is under an answer, and the one button while it is made.
"""
