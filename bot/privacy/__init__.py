"""What is kept of people and servers, how long, and how it goes.

    keep.py        how long, from the configuration
    holdings.py    every table: whose it is, how that is shown, when it goes, how it is deleted
    retention.py   the timer
    borrowed.py    member voices in what is forgotten: they end, and what they still need names nobody
    servers.py     servers that removed the bot
    erase.py       a person's wish to be forgotten, as one transaction
    export.py      a person's copy
    office.py      all of it behind `/bark privacy` (commands/privacy.py)

Encryption at rest is vault.py and sealing.py. PRIVACY.md says the same to people; tests/bot/privacy compares them.
"""
