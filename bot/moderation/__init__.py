"""Who may have something said, where, and under which rules; and what is done about those who may not.

rules.py       the rules with their version, who accepted them, and what waits until somebody does
bans.py        people and servers that are kept out: operator-wide, or members in one server
halts.py       the kill switch: everything or one feature, everywhere or in one server
standing.py    all of these for one person in one place, as a pure value with its refusals
warden.py      the standing read from the database; the halts in memory, for what has no time to ask it
powers.py      who may do what: operators and moderators
marshal.py     bans and halts as deeds: written down with all that follows from them
complaints.py  reports in people's own words
seal.py        the key that signs the audit log's head
herald.py      the head, posted once a day

Everything that is decided here leaves a row in the audit log (bot/audit.py), in the same transaction.
"""
