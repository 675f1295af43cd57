"""The demo's page: a small Discord in the browser, over the loopback Discord of this process. Nothing here knows a command.

server.py    routes, and where the page listens: 127.0.0.1 and nowhere else
guard.py     who is answered at all, and what each answer forbids the browser
scene.py     what one person sees: people, channels, commands, messages, as JSON
session.py   one WebSocket: changes of the scene out, deeds in
deeds.py     what a person can do, as values, and doing it
radio.py     the decrypted Opus packets, to whoever sits in the voice channel
static/      the page itself: HTML, CSS and plain ES modules; main.js is its map
"""
