"""Member voices: a voice made of a member's own recording, with their consent. docs/consent.md says what that proves.

    terms.py      what is agreed to, its version and hash     words.py, words.txt  the code words
    ceremony.py   one ceremony, and the pure decisions of it  spoken.py    whether what was heard is what was to be said
    rites.py      ceremonies in the store                     fetch.py     a recording from Discord, within bounds
    enrolment.py  the ceremony itself: page, challenge, answer, voice
    member.py     a voice and its rows                        grants.py    who may use it, for what, until when
    standing.py   whether a job may use it: asked at admission, before rendering, before delivery
    revoke.py     its end, in one transaction                 keeper.py    what follows: files, posts, notices, ends of terms
    vault.py      its file: encrypted, with a key of its own  record.py    the audit trail's entries
    lending.py    voices laid open for one job                circle.py    what is offered while somebody types

All of it is off unless the operator wants it, and in each server until its moderators want it.
"""
