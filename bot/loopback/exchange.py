"""What came of one interaction, as the person who made it sees it."""

from __future__ import annotations

from collections.abc import Callable

from bot.loopback.interactions import ACKNOWLEDGE_WITHIN, Acknowledgement, Callback, Interaction
from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import Json
from bot.loopback.world import World

PATIENCE = 10.0  # real seconds that the awaitables wait unless told otherwise


class DidNotRespond(Exception):
    """The application did not respond: no bot was connected, or none answered within 3 s."""


class Exchange:
    """A live view: everything here changes as the bot answers. The awaitables wake at each change."""

    def __init__(self, interaction: Interaction, world: World, messages: Messages) -> None:
        self.interaction = interaction
        self._world = world
        self._messages = messages

    @property
    def id(self) -> int:
        """The interaction's id."""
        return self.interaction.id

    @property
    def lost(self) -> bool:
        """Whether no bot was there to hear of it."""
        return self.interaction.lost

    @property
    def acknowledgement(self) -> Acknowledgement | None:
        """How and when the bot answered first; None as long as it has not."""
        return self.interaction.acknowledgement

    @property
    def original(self) -> Message | None:
        """The reply itself: the message that "is thinking" becomes, or that the pressed button is on."""
        return self.interaction.original

    @property
    def ephemeral(self) -> bool:
        """Whether the reply is for the asker's eyes only."""
        return self.original is not None and self.original.ephemeral

    @property
    def followups(self) -> list[Message]:
        """Further messages by the interaction's token, oldest first."""
        return [message for message in self.interaction.followups if not message.deleted]

    @property
    def channel_messages(self) -> list[Message]:
        """Messages by the bot's own token that answer this: their nonce is the interaction's id, or they reply to it.

        In the channel where it was asked, and in the asker's DM.
        """
        places = {self.interaction.channel.id, self._world.direct_channel(self.interaction.person).id}
        found = self._messages.answering(str(self.id), self.original)
        return [message for message in found if message.channel_id in places]

    @property
    def messages(self) -> list[Message]:
        """All of them: the reply, follow-ups, channel messages."""
        original = [self.original] if self.original is not None and not self.original.deleted else []
        return [*original, *self.followups, *self.channel_messages]

    @property
    def history(self) -> list[str]:
        """Each text that the reply has had, oldest first."""
        return list(self.original.history) if self.original else []

    @property
    def modal(self) -> Json | None:
        """The modal the bot opened."""
        answer = self.acknowledgement
        return answer.data if answer is not None and answer.type is Callback.MODAL else None

    @property
    def choices(self) -> list[Json]:
        """The suggestions to an autocomplete."""
        answer = self.acknowledgement
        return list(answer.data.get("choices") or []) if answer is not None else []

    async def acknowledged(self, *, timeout: float = PATIENCE) -> Acknowledgement:  # noqa: ASYNC109 - a limit for tests
        """Waits for the first answer; DidNotRespond if there is none in 3 s of the loopback's clock, or in `timeout`."""
        limit = min(timeout, ACKNOWLEDGE_WITHIN + 0.5)  # the clock may be moved by hand: looked at again below
        try:
            await self._world.changed.until(self._decided, timeout=limit)
        except TimeoutError:
            if not self._decided() and timeout > limit:
                return await self.acknowledged(timeout=timeout - limit)
        if self.acknowledgement is None:
            raise DidNotRespond(f"the application did not respond to interaction {self.id}")
        return self.acknowledgement

    async def until(self, condition: Callable[[Message], object], *, timeout: float = PATIENCE) -> Message:  # noqa: ASYNC109 - as above
        """The first of `messages` for which the condition holds, now or later; TimeoutError with what is there instead."""
        try:
            found = await self._world.changed.until(
                lambda: [message for message in self.messages if condition(message)], timeout=timeout
            )
        except TimeoutError:
            there = [message.history for message in self.messages]
            raise TimeoutError(f"nothing fits after {timeout} s; there is {there}") from None
        return found[0]

    def _decided(self) -> bool:
        late = self._world.clock() - self.interaction.sent_at > ACKNOWLEDGE_WITHIN
        return self.acknowledgement is not None or self.lost or late
