"""`/bark-admin audit`: the newest rows of the audit log that concern a server, and the head of the chain."""

from __future__ import annotations

import json
import sqlite3

import discord
from discord import app_commands

from bot import audit, texts
from bot.commands.admin import AdminDesk
from bot.commands.forms import whisper
from bot.moderation import bans
from bot.store import Store
from bot.texts import say

SHOWN = 15  # rows
SHORT = 8  # characters of a pseudonym, or of a hash


def add(admin: app_commands.Group, desk: AdminDesk, store: Store) -> None:
    """The command."""

    @admin.command(name="audit", description=texts.AUDIT)
    @app_commands.describe(everywhere=texts.ADMIN_EVERYWHERE)
    async def show(interaction: discord.Interaction, everywhere: bool = False) -> None:  # noqa: FBT001, FBT002
        place = await desk.place(interaction, everywhere=everywhere)
        if place is not None:
            await whisper(interaction, shown(*await store.call(look, place)))


def look(db: sqlite3.Connection, place: str) -> tuple[list[audit.Row], audit.Head]:
    """The newest rows of one place, newest first; of everywhere: all of them. And the head."""
    if place == bans.EVERYWHERE:
        return audit.last(db, SHOWN), audit.head(db)
    return audit.last(db, SHOWN, place=place), audit.head(db)


def shown(rows: list[audit.Row], head: audit.Head) -> str:
    """As a message."""
    if head.seq == 0:
        return say(texts.AUDIT_EMPTY)
    lines = [_line(row) for row in rows]
    lines.append(say(texts.AUDIT_HEAD, seq=head.seq, hash=head.hash))
    lines.append(say(texts.AUDIT_PROVES))
    return "\n".join(lines)[:2000]


def _line(row: audit.Row) -> str:
    """Kinds and facts are names of ours, the same in every language."""
    facts = {name: value for name, value in json.loads(row.details).items() if name != "place"}
    told = " ".join(f"{name}={str(value)[:SHORT] if name == 'by' else value}" for name, value in facts.items())
    whom = f" {row.subject[:SHORT]}" if row.subject else ""
    return f"`{row.seq}` <t:{int(row.at)}:f> **{row.kind}**{whom} {told}"[:160].rstrip()
