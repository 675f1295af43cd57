"""A Discord on 127.0.0.1 that an unmodified discord.py client can talk to.

    async with Loopback() as discord:                                        # server.py
        with point_discord_at(discord.api_url, discord.gateway_url):         # point.py; in the bot's process
            ...                                                              # client.start(discord.token)
        await discord.gateway.ready()
        alice = discord.user("alice")
        exchange = await alice.slash("bark", "say", text="hello")
        message = await exchange.until(lambda message: message.attachments)
        message.attachments[0].data, exchange.history, discord.complaints

The bot may live in this process or in others, may be killed and come back: all share one token and one `Loopback`.
For voice the client needs `aiohttp.TCPConnector(ssl=discord.voice.ssl_context())`, or, in another process, the file named
by SSL_CERT_FILE with `discord.voice.certificate()` in it.

A person's side
    user.py          commands, autocomplete, buttons, select menus, modals, context menus, voice channels
    listener.py      a person's client in a voice channel, who hears what the bot plays
    exchange.py      what came back of one interaction, live, with awaitables
    commands.py      the synced commands, and what Discord's client refuses to send; localisation.py: their other names
    resolved.py      the objects behind the ids that a select menu was answered with
The bot's side
    rest.py          a request's way: fault, token, schema, handler, answer; wire.py: what a handler gets and gives
    routes.py        routes with the bot's token; webhooks.py: routes with an interaction's token
    gateway.py       hello, identify, events, resume; session.py: one connection, and what outlives it
    voice.py         voice gateway over TLS; voice_session.py: one stay, and what outlives its connection; rtp.py: UDP
    rooms.py         who sits in the voice channels, and who hears whom
    dave.py          the encrypted group of a channel (DAVE): newcomers, leavers, epochs; mls.py: the bytes of it
What there is
    world.py         guild, channels, people, permissions, the clock; snowflake.py, pulse.py: ids, waking up waiters
    interactions.py  deadlines (3 s, 15 min), one acknowledgement each, follow-ups
    messages.py      messages, attachments, history, nonces; rules.py: what makes a message or a sound invalid
    payloads.py      JSON objects; problems.py: error codes
Making trouble and noticing it
    faults.py        429, 5xx, silence, lost answers, resets, dropped gateways, spoilt encryption, by route or by chance
    schema.py        request and answer bodies against Discord's OpenAPI description (environment: DISCORD_OPENAPI)
Putting it together
    server.py        `Loopback`

`complaints` collects what a good client never does: late and second acknowledgements, dead tokens, unknown routes, bodies
that Discord refuses or its description does not allow, files over the limit, audio that is undecryptable, disordered or in
the clear. One rule is this project's own: new messages with text say that they ping nobody (allowed_mentions.parse is []).

How faithful it is. Shapes, error codes and limits are the documented ones; with DISCORD_OPENAPI set its own answers are
held against the description, too. Each event reaches every connected session, a session without a connection collects
what it misses for 300 s, and an interaction that no session hears of is lost. The first follow-up after a deferred
reply takes the place of "is thinking". People who installed the bot themselves use its commands in `private`, a
conversation that it is no part of: five follow-ups, and no messages by its own token. An enforced nonce counts for 300
s per author and channel (Discord: "a few minutes"). A client that closes with 1000 or 1001 ends its session. Deadlines,
ids and the nonce window follow the injected clock; heartbeats, the 300 s and all waiting follow real time.

Not emulated: rate limits of its own (only as faults), more than one guild, shards, permissions of roles and overwrites beyond
`Loopback.deny`, reactions, pins, webhooks proper, threads being made, message events (they need intents that the bot does
not ask for), presence, compression, etf, interactions over HTTP, signed or
expiring file addresses, pictures of files and people who speak.

Voice is encrypted end to end (DAVE version 1) unless `Loopback(encryption=False)`: the gateway proposes members as external
sender, the bot and each person in the channel (`alice.join_voice()`) hold the keys, and `listener.packets` are the very Opus
packets that the bot has encrypted. Who is alone in a channel has no group, so that a good client says nothing there.
`discord.voice.group.downgrade()` and `.upgrade()` are what clients without DAVE bring about on Discord.
"""
