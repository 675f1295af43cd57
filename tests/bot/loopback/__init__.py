"""The Discord on loopback, driven by a real discord.py client over real sockets."""
