"""The tables, what they guard, and how an older database gets there: numbered, append-only migrations."""

from __future__ import annotations

STATES = (
    "received",
    "refused",
    "queued",
    "rendering",
    "rendered",
    "answered",
    "failed",
    "cancelled",
    "expired",
    "quarantined",
)

# What the state machine allows; the trigger below refuses everything else.
TRANSITIONS = (
    ("received", "queued"),  # Discord took the deferred reply: the job is ours
    ("queued", "rendering"),  # claimed
    ("queued", "cancelled"),
    ("queued", "expired"),
    ("rendering", "queued"),  # the synth process or the bot died; it goes again
    ("rendering", "rendered"),
    ("rendering", "failed"),
    ("rendering", "cancelled"),
    ("rendering", "quarantined"),  # it was there at too many deaths
    ("rendered", "answered"),  # Discord accepted the audio
    ("rendered", "failed"),  # Discord will never accept this audio (too large)
    ("rendered", "queued"),  # the file is gone: it is rendered again
    ("rendered", "cancelled"),  # its voice was withdrawn
    ("rendered", "expired"),  # nowhere left to deliver to
)

_INITIAL = f"""
CREATE TABLE jobs (
    id             INTEGER PRIMARY KEY,           -- the interaction's id: a replayed event cannot enter twice
    application_id INTEGER NOT NULL,
    token          TEXT,                          -- of the interaction; dropped once the asker has been told
    user_id        INTEGER NOT NULL,
    guild_id       INTEGER,                       -- NULL: a direct message
    channel_id     INTEGER NOT NULL,
    size_limit     INTEGER NOT NULL CHECK (size_limit > 0),  -- bytes an upload may have, from the interaction
    text           TEXT NOT NULL,
    voice          TEXT,                          -- NULL until rendered: the default of the model that renders it
    seed           INTEGER NOT NULL CHECK (seed >= 0),
    flow           TEXT NOT NULL,                 -- the queues it waits in: see flows
    estimate       REAL NOT NULL CHECK (estimate >= 0),      -- seconds of work
    state          TEXT NOT NULL CHECK (state IN ({", ".join(f"'{s}'" for s in STATES)})),
    received_at    REAL NOT NULL,
    queued_at      REAL,
    started_at     REAL,
    settled_at     REAL,                          -- when the outcome was known
    told_at        REAL,                          -- when Discord accepted the words or the audio
    send_at        REAL,                          -- when a message that cannot be replaced was first tried
    lease          TEXT,                          -- the life of the bot that renders it
    deaths         INTEGER NOT NULL DEFAULT 0,    -- synth processes that died while it was rendered
    restarts       INTEGER NOT NULL DEFAULT 0,    -- lives of the bot that ended while it was rendered
    reason         TEXT,                          -- why it was refused or failed
    path           TEXT,                          -- of the finished audio
    seconds        REAL,                          -- of audio
    took           REAL,                          -- seconds of work
    model          TEXT,
    CHECK ((state = 'rendering') = (lease IS NOT NULL)),
    CHECK (state NOT IN ('rendered', 'answered') OR (path IS NOT NULL AND seconds IS NOT NULL)),
    CHECK (state NOT IN ('refused', 'failed', 'quarantined') OR reason IS NOT NULL),
    CHECK (state <> 'answered' OR told_at IS NOT NULL),
    CHECK (told_at IS NULL OR state IN ('answered', 'refused', 'failed', 'cancelled', 'expired', 'quarantined'))
) STRICT;
CREATE UNIQUE INDEX one_job_per_lease ON jobs (lease) WHERE state = 'rendering';
CREATE INDEX waiting ON jobs (id) WHERE state = 'queued';
CREATE INDEX waiting_by_user ON jobs (user_id) WHERE state IN ('received', 'queued', 'rendering');
CREATE INDEX waiting_by_flow ON jobs (flow) WHERE state IN ('queued', 'rendering');
CREATE INDEX outbox ON jobs (id) WHERE told_at IS NULL AND state IN ('rendered', 'failed', 'cancelled', 'quarantined');

CREATE TABLE transitions (before TEXT NOT NULL, after TEXT NOT NULL, PRIMARY KEY (before, after)) STRICT, WITHOUT ROWID;
INSERT INTO transitions VALUES {", ".join(f"('{before}', '{after}')" for before, after in TRANSITIONS)};
CREATE TRIGGER only_known_transitions BEFORE UPDATE OF state ON jobs
WHEN OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM transitions WHERE before = OLD.state AND after = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a job cannot change state like this'); END;
CREATE TRIGGER jobs_begin BEFORE INSERT ON jobs WHEN NEW.state NOT IN ('received', 'refused')
BEGIN SELECT RAISE(ABORT, 'a job begins as received or refused'); END;

-- Fair queueing on two levels: servers share the synth process, members share their server's part.
CREATE TABLE flows (
    flow   TEXT PRIMARY KEY,             -- '' (everything), 'g<id>' or 'u<id>' (a server, or a person in DMs), 'g<id>/u<id>'
    served REAL NOT NULL DEFAULT 0,      -- work received, in virtual seconds of the level above
    clock  REAL NOT NULL DEFAULT 0       -- virtual time among the flows below
) STRICT;

CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;  -- small things to remember, as JSON
"""

_SIDE_BY_SIDE = """
DROP INDEX one_job_per_lease;  -- a life renders as many jobs at once as its synth process has seats
CREATE INDEX rendering_by_lease ON jobs (lease) WHERE state = 'rendering';
"""

_PEOPLE = """
ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(options));  -- flow/options.py

-- Finished audio that is kept for a while after it was delivered, so that buttons have something to work with.
CREATE TABLE clips (
    job        INTEGER NOT NULL REFERENCES jobs (id),
    take       INTEGER NOT NULL CHECK (take >= 1),
    path       TEXT NOT NULL,                     -- of the audio; what was generated lies beside it, with the ending .npz
    kept_until REAL NOT NULL,
    PRIMARY KEY (job, take)
) STRICT, WITHOUT ROWID;

-- Voices kept from results of Bark's own.
CREATE TABLE voices (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: previews, favourites and files are named by it
    user_id  INTEGER NOT NULL,                    -- whose it is
    guild_id INTEGER,                             -- the server that may use it too; NULL: nobody else
    name     TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 2 AND 32),
    path     TEXT NOT NULL,                       -- of its .npz, in the store's folder
    made_at  REAL NOT NULL,
    UNIQUE (user_id, name)
) STRICT;
CREATE INDEX voices_by_guild ON voices (guild_id) WHERE guild_id IS NOT NULL;

CREATE TABLE favourites (
    user_id INTEGER NOT NULL,
    voice   TEXT NOT NULL,
    since   REAL NOT NULL,
    PRIMARY KEY (user_id, voice)
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    scope TEXT PRIMARY KEY,                       -- 'u<id>' or 'g<id>'
    value TEXT NOT NULL CHECK (json_valid(value)) -- settings.py
) STRICT, WITHOUT ROWID;

-- What is to be heard in voice channels, in order.
CREATE TABLE turns (
    id         INTEGER PRIMARY KEY,
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,                  -- the voice channel
    text_id    INTEGER NOT NULL,                  -- the channel where words about it go
    user_id    INTEGER NOT NULL,
    job        INTEGER NOT NULL REFERENCES jobs (id),
    take       INTEGER NOT NULL DEFAULT 1,
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'playing', 'played', 'skipped', 'dropped')),
    added_at   REAL NOT NULL
) STRICT;
CREATE INDEX turns_waiting ON turns (guild_id, id) WHERE state IN ('waiting', 'playing');
CREATE UNIQUE INDEX one_at_a_time ON turns (guild_id) WHERE state = 'playing';
CREATE INDEX jobs_by_user ON jobs (user_id, id);

-- Answers that somebody found amiss.
CREATE TABLE reports (
    job     INTEGER NOT NULL REFERENCES jobs (id),
    user_id INTEGER NOT NULL,                     -- who reports it
    made_at REAL NOT NULL,
    PRIMARY KEY (job, user_id)
) STRICT, WITHOUT ROWID;
"""

_METERS = """
ALTER TABLE jobs ADD COLUMN charged REAL NOT NULL DEFAULT 0 CHECK (charged >= 0);  -- seconds of audio in its meters

-- Seconds of audio that were had lately: flow/meters.py.
CREATE TABLE meters (
    name  TEXT PRIMARY KEY,                       -- '' (everybody), 'g<id>' (a server), 'u<id>' (a person), 'g<id>/u<id>' (a member)
    level REAL NOT NULL CHECK (level >= 0),       -- seconds that have not leaked away yet
    at    REAL NOT NULL                           -- when that was
) STRICT, WITHOUT ROWID;

CREATE TRIGGER charge_changed AFTER UPDATE OF charged ON jobs WHEN NEW.charged <> OLD.charged
BEGIN
    UPDATE meters SET level = max(0, level + NEW.charged - OLD.charged)
    WHERE name IN ('', 'u' || NEW.user_id, 'g' || NEW.guild_id, NEW.flow);
END;
-- What was made counts as long as it is; what was not is given back, and of what was stopped half way the half that was not.
CREATE TRIGGER charge_settled AFTER UPDATE OF state ON jobs
WHEN NEW.state <> OLD.state AND NEW.state IN ('rendered', 'failed', 'cancelled', 'expired', 'quarantined')
BEGIN
    UPDATE jobs SET charged = CASE
        WHEN NEW.state = 'rendered' THEN NEW.seconds
        WHEN NEW.state = 'expired' AND OLD.state = 'rendered' THEN NEW.charged
        WHEN NEW.state = 'cancelled' AND OLD.state = 'rendering' AND NEW.estimate > 0
            THEN NEW.charged * max(0, min(1, ifnull((NEW.settled_at - NEW.started_at) / NEW.estimate, 0)))
        ELSE 0 END
    WHERE id = NEW.id;
END;
CREATE TRIGGER charge_dropped AFTER DELETE ON jobs WHEN OLD.state IN ('received', 'queued', 'rendering')
BEGIN
    UPDATE meters SET level = max(0, level - OLD.charged)
    WHERE name IN ('', 'u' || OLD.user_id, 'g' || OLD.guild_id, OLD.flow);
END;
"""

_AUDIT = f"""
-- What was decided, each row bound to the one before it: audit.py.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY CHECK (seq >= 1),
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT,                                 -- whom it is about: a pseudonym
    details TEXT NOT NULL CHECK (json_valid(details)),
    before  TEXT NOT NULL CHECK (length(before) = 64),  -- the hash of the row before
    hash    TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;
CREATE TRIGGER audit_goes_on BEFORE INSERT ON audit  -- an INSERT OR REPLACE ends here too
WHEN NEW.seq <> (SELECT ifnull(max(seq), 0) + 1 FROM audit)
    OR NEW.before <> ifnull((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '{"0" * 64}')
BEGIN SELECT RAISE(ABORT, 'an audit row follows the last one'); END;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;

-- The keys of the pseudonyms. A key that is deleted takes with it whose rows they were.
CREATE TABLE subjects (
    user_id INTEGER PRIMARY KEY,
    key     BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
"""

_MODERATION = """
-- Who accepted which version of the rules: moderation/rules.py.
CREATE TABLE acceptances (
    user_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (user_id, version)
) STRICT, WITHOUT ROWID;

-- Rules that were shown and not answered yet, and what was asked for before.
CREATE TABLE questions (
    id      INTEGER PRIMARY KEY,                  -- of the interaction, or message, that they answer
    user_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    at      REAL NOT NULL,
    held    TEXT                                  -- JSON, sealed; NULL: nothing waits
) STRICT;
CREATE INDEX questions_by_user ON questions (user_id);

CREATE TABLE bans (
    who     TEXT NOT NULL CHECK (who GLOB '[ug][0-9]*'),  -- 'u<id>' or 'g<id>'
    place   TEXT NOT NULL CHECK (place = '' OR place GLOB 'g[0-9]*'),  -- '': everywhere
    until   REAL,                                 -- NULL: for good
    reason  TEXT NOT NULL,
    made_by INTEGER NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (who, place),
    CHECK (place = '' OR who GLOB 'u*')           -- a server is banned everywhere or not at all
) STRICT, WITHOUT ROWID;

-- The kill switch.
CREATE TABLE halts (
    place   TEXT NOT NULL CHECK (place = '' OR place GLOB 'g[0-9]*'),  -- '': everywhere
    feature TEXT NOT NULL,                        -- '': everything
    made_by INTEGER NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (place, feature)
) STRICT, WITHOUT ROWID;

-- What people reported in their own words.
CREATE TABLE complaints (
    id         INTEGER PRIMARY KEY,               -- of the interaction
    user_id    INTEGER NOT NULL,                  -- who reports
    guild_id   INTEGER,
    channel_id INTEGER,                           -- of the message that is meant
    message_id INTEGER,
    job        INTEGER,                           -- that it answers, where that is known
    words      TEXT NOT NULL,                     -- sealed
    made_at    REAL NOT NULL
) STRICT;
CREATE INDEX complaints_by_user ON complaints (user_id, made_at);
"""

_DISCLOSURE = """
-- Files that were made here, known again by /bark verify: flow/made.py. Neither text nor person.
CREATE TABLE made (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),  -- SHA-256
    job     INTEGER NOT NULL,                     -- jobs are forgotten sooner
    made_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX made_by_job ON made (job);
"""

_CONSENT = """
INSERT OR IGNORE INTO transitions VALUES ('rendered', 'cancelled');  -- its voice was withdrawn before it was delivered

-- Ceremonies of consent: consent/ceremony.py.
CREATE TABLE ceremonies (
    id           TEXT PRIMARY KEY,                -- 128 random bits: all that a button holds
    user_id      INTEGER NOT NULL,
    guild_id     INTEGER NOT NULL,
    page_id      INTEGER,                         -- the private message with the terms
    name         TEXT NOT NULL,                   -- how the member is called in the server
    locale       TEXT NOT NULL,
    terms        TEXT NOT NULL,                   -- version and SHA-256 of what was read
    wishes       TEXT NOT NULL CHECK (json_valid(wishes)),
    state        TEXT NOT NULL CHECK (state IN ('offered', 'challenged', 'hearing', 'done', 'declined', 'failed')),
    made_at      REAL NOT NULL,
    agreed_at    REAL,
    words        TEXT,                            -- to be said
    channel_id   INTEGER,                         -- where: direct messages
    challenge_id INTEGER,                         -- the message with them
    answer_id    INTEGER,
    reason       TEXT,                            -- why it failed
    CHECK (state NOT IN ('challenged', 'hearing', 'done') OR (agreed_at IS NOT NULL AND words IS NOT NULL)),
    CHECK (state NOT IN ('hearing', 'done') OR (challenge_id IS NOT NULL AND answer_id IS NOT NULL)),
    CHECK (state <> 'failed' OR reason IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_challenge ON ceremonies (user_id) WHERE state IN ('challenged', 'hearing');
CREATE UNIQUE INDEX one_answer ON ceremonies (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX ceremonies_by_user ON ceremonies (user_id, agreed_at);

CREATE TABLE member_voices (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: files are named by it
    user_id   INTEGER NOT NULL,                   -- whose voice it is
    guild_id  INTEGER NOT NULL,                   -- the one server where it may be used
    ceremony  TEXT NOT NULL UNIQUE REFERENCES ceremonies (id),
    name      TEXT NOT NULL COLLATE NOCASE,
    made_at   REAL NOT NULL,
    until     REAL NOT NULL,                      -- when the consent ends by itself
    notice_id INTEGER,                            -- the message in the log channel; without it nobody else may use the voice
    opens_at  REAL,                               -- from when others may use it
    held      INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),  -- reported, until a moderator has looked
    ended_at  REAL,
    why       TEXT CHECK (why IN ('owner', 'moderator', 'term', 'privacy')),
    CHECK ((ended_at IS NULL) = (why IS NULL)),
    CHECK ((opens_at IS NULL) = (notice_id IS NULL)),
    CHECK (until > made_at AND until <= made_at + 180 * 86400.0)
) STRICT;
CREATE UNIQUE INDEX one_voice ON member_voices (user_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_name ON member_voices (name) WHERE ended_at IS NULL;

-- What the files of member voices are encrypted with. A voice that has ended has none: its file cannot be read again.
CREATE TABLE voice_keys (
    voice INTEGER PRIMARY KEY REFERENCES member_voices (id),
    key   BLOB NOT NULL CHECK (length(key) >= 32)  -- of 32 bytes, sealed
) STRICT;

CREATE TABLE grants (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    voice    INTEGER NOT NULL REFERENCES member_voices (id),
    kind     TEXT NOT NULL CHECK (kind IN ('member', 'role', 'server')),
    subject  INTEGER NOT NULL,                    -- the id of one
    files    INTEGER NOT NULL CHECK (files IN (0, 1)),   -- clips in text channels
    speak    INTEGER NOT NULL CHECK (speak IN (0, 1)),   -- in voice channels
    given_at REAL NOT NULL,
    until    REAL NOT NULL,
    ended_at REAL,
    CHECK (files OR speak)
) STRICT;
CREATE UNIQUE INDEX one_grant ON grants (voice, kind, subject) WHERE ended_at IS NULL;

-- Which member voices a job uses, and by which grant; NULL: its own.
CREATE TABLE job_voices (
    job      INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    voice    INTEGER NOT NULL REFERENCES member_voices (id),
    grant_id INTEGER REFERENCES grants (id),
    PRIMARY KEY (job, voice)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_voices_by_voice ON job_voices (voice);

-- The bot's own messages with member voices in them.
CREATE TABLE voice_posts (
    message_id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    job        INTEGER NOT NULL REFERENCES jobs (id),
    doomed     INTEGER NOT NULL CHECK (doomed IN (0, 1)),  -- to be deleted
    gone_at    REAL,                              -- when it was
    kept       INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1))  -- Discord does not let it be deleted
) STRICT;
CREATE INDEX doomed_posts ON voice_posts (message_id) WHERE doomed = 1 AND gone_at IS NULL AND kept = 0;
CREATE INDEX voice_posts_by_job ON voice_posts (job);
"""

_PRIVACY = """
-- What goes by time is found without looking at the rest: bot/privacy/retention.py.
CREATE INDEX jobs_by_told ON jobs (told_at) WHERE told_at IS NOT NULL;
CREATE INDEX jobs_with_words ON jobs (told_at)
    WHERE told_at IS NOT NULL AND (text <> '' OR options ->> 'cast' IS NOT NULL);
CREATE INDEX jobs_with_token ON jobs (received_at) WHERE token IS NOT NULL;
CREATE INDEX turns_by_job ON turns (job);
CREATE INDEX complaints_by_job ON complaints (job) WHERE job IS NOT NULL;
CREATE INDEX made_by_time ON made (made_at);
CREATE INDEX job_voices_by_grant ON job_voices (grant_id) WHERE grant_id IS NOT NULL;

-- Servers that the bot is or was in.
CREATE TABLE servers (
    guild_id INTEGER PRIMARY KEY,
    left_at  REAL                                 -- when it was found to be gone; NULL: it is there
) STRICT;

-- People whose data is deleted, as long as something of it is still under way.
CREATE TABLE erasures (user_id INTEGER PRIMARY KEY, asked_at REAL NOT NULL) STRICT;
"""

# Append-only: a released migration is never edited. PRAGMA user_version counts how many have run.
MIGRATIONS: tuple[str, ...] = (
    _INITIAL,
    _SIDE_BY_SIDE,
    _PEOPLE,
    _METERS,
    _AUDIT,
    _MODERATION,
    _DISCLOSURE,
    _CONSENT,
    _PRIVACY,
)
