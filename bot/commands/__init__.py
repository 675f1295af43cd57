"""Slash commands, buttons and modals: thin; they build an Ask or read the store.

say.py        the group /bark; say, sing, sound, takes; what all of them may be told
dialogue.py   several voices     long.py  a window or a file     again.py  the last text once more
line.py       queue, cancel      help.py  commands and marks     about.py  about, stats
verify.py     is this clip from here?
menus.py      what stands in the context menu of a message
desk.py       where all of them hand in what they ask for      compose.py  all of them, put together
forms.py      the language and the mistakes of everything that comes in
brake.py      who presses, asks or types too fast
voices.py     the gallery        settings.py server.py  of a person, of a server     guarding.py  what is not said there
voice.py      join, leave, play, skip, stop, pause, now, read
buttons/      what is under an answer, and the one button while it is made
switch.py     panels whose presses are found by their custom ids     pages.py  of the gallery
"""
