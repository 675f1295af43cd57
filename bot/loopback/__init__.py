"""A Discord on 127.0.0.1 that an unmodified discord.py client can talk to."""
