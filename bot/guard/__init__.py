"""The text guard: which rule of a server, of the operator or of our own a text breaks. Pure functions over text.

    text -> fold -> readings -> lists, claims and scams -> the rule that is broken, or none

fold.py       a text as it is compared: one form for letters that look or are meant alike
readings.py   the same as words, also where they are spelled out or written with figures
listed.py     word lists: words and phrases, never patterns
claims.py     protected names: texts that claim to be them
scams.py      our own rules, from scams.toml: each with examples and counter-examples in five languages
verdict.py    all of them together
operator.py   the operator's word file

All of it is linear in the length of the text. It deters the casual; it proves nothing.
"""
