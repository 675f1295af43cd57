"""Slash commands, buttons and modals: thin; they build an Ask or read the store.

say.py        the group /bark; say, sing, sound, takes; what all of them may be told
dialogue.py   several voices     long.py  a window or a file     again.py  the last text once more
line.py       queue, cancel      help.py  commands and marks     about.py  about, stats
menus.py      what stands in the context menu of a message
desk.py       where all of them hand in what they ask for
forms.py      modals and buttons whose mistakes become words
"""
