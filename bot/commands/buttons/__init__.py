"""The buttons under an answer. Each carries an action and a job in its custom id; all else is read from the store at the press.

    mark.py      the custom id: `bark:<action>:<job>[:<take>]`      view.py     which buttons a message gets
    handle.py    the button as discord.py knows it                  rights.py   who may press what: a pure decision
    presses.py   a press or a filled-in form: looked up, checked, handed on
    tools.py     what the handlers below work with
    anew.py      Again, Vary, Edit: a new ask from an old job       forms.py    the forms, which survive restarts too
    keeping.py   Keep voice, Voice message, Play in voice, Add to soundboard: what needs the kept clip
    tidying.py   Cancel, Delete, Report                             telling.py  More, Details

Custom ids that begin with `bark:` belong to this package.
"""

from bot.commands.buttons.handle import Handle
from bot.commands.buttons.presses import Presses
from bot.commands.buttons.tools import Tools
from bot.commands.buttons.view import view_for, waiting_view

__all__ = ["Handle", "Presses", "Tools", "view_for", "waiting_view"]
