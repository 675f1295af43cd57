"""The six steps of one request: ask, check, queue, render, reply, voice."""
