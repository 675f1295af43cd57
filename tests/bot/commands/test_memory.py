"""Ten thousand answers leave nothing in memory: discord.py keeps no view and no form of ours."""

from __future__ import annotations

import asyncio
import gc
import weakref

import discord

from bot.commands.buttons import Handle, view_for
from tests.bot.commands.scene import Scene, number

ANSWERS = 10_000


async def test_views_are_not_kept_even_where_discord_py_is_asked_to(scene: Scene) -> None:
    store = scene.app.client._connection._view_store
    job = await scene.job(number(await scene.answered()))
    left: list[weakref.ref[object]] = []
    for message in range(ANSWERS):
        view = view_for(job)
        store.add_view(view, message)  # what would happen to a view that was not stopped
        left.append(weakref.ref(view))
    del view
    gc.collect()
    assert [view() for view in left if view() is not None] == []
    assert (store._views, store._synced_message_views, store._modals) == ({}, {}, {})
    assert len(store._dynamic_items) <= 3, "kinds of items, not items"


async def test_real_answers_and_forms_are_not_kept_either(scene: Scene) -> None:
    alice = scene.discord.user("alice")
    message = await scene.answered()
    store = scene.app.client._connection._view_store
    for _ in range(5):
        exchange = await alice.slash("bark", "say", text="hello there")
        await exchange.until(lambda message: message.attachments)
        await scene.private(await alice.press(message, label="More"))
        await (await alice.press(message, label="Edit")).acknowledged()
    await asyncio.gather(*store._ViewStore__tasks)  # the last press may still be at work
    gc.collect()
    assert (store._views, store._synced_message_views, store._modals) == ({}, {}, {})
    kinds = (Handle, discord.ui.Modal)  # by type(): other objects of the process may mind being asked
    assert [thing for thing in gc.get_objects() if issubclass(type(thing), kinds)] == []
