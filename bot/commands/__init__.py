"""Slash commands, buttons and modals: thin; they build an Ask or read the store."""
