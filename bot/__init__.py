"""The Discord half: it never imports torch, and talks to the synth process over synth/protocol.py and synth/process.py.

One `/bark say` runs through these files, in this order:

    commands/say.py     Discord's command; its first answer is "thinking..."
    1. ask              flow/ask.py, intake.py      the interaction becomes a frozen Ask; Discord's objects end here
    2. check            flow/check.py               a pure decision: admitted, or refused with a sentence for the asker alone
                        (house.py, settings.py, guard/ and moderation/ have what it needs to know)
    3. queue            flow/queue.py, store.py     a row in SQLite, fair between servers and people; schema.py guards its states
    4. render           flow/render.py              the next job goes to the synth process; its file comes back
    5. reply            flow/reply.py, progress.py  one message, edited in place; post.py speaks REST
    6. voice            flow/voice.py, room.py      the same file in a voice channel; voice_client.py is the connection

Around them:

    __main__.py         the command line            runner.py  barkbot run     demo.py  doctor.py  auditor.py  detector.py  the others
    app.py              the composition root: the only place where the parts meet
    client.py           discord.py's client: intents, the tree of commands, the one handler of errors
    config.py           config.toml and the environment      secret.py  private.py  log.py   what nobody else may read
    errors.py           the exceptions, and the exit codes
    texts.py            every sentence a user can read; i18n/ has them in other languages
    voices.py           the voices there are: presets.py ranking.py previews.py kept.py shelf.py
    moderation/         rules, bans, halts, reports          audit.py  the chain of what was decided
    consent/            voices of members
    privacy/            what is kept, how long, and how it goes           vault.py  sealing.py  encryption on the disk
    mark.py  papers.py  the keys of the watermark and of signed files
    loopback/  page/    a Discord on this machine, and its small page: what the demo and the tests run against
"""
