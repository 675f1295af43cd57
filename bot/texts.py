"""Every sentence a person can read in Discord, in one place and in plain English.

Each is a template with named holes; `say` fills them, in the language of the task at hand. A translation is another table
with the same names and holes (bot/i18n): every sentence goes through `say`, also one without holes, else it stays English.
What an operator reads in the terminal stands where it is printed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

from bot import i18n
from bot.i18n.tables import flat, table

# The commands, as Discord lists them: at most 100 characters each
COMMAND = "Speech, songs and sounds from text, with Suno's Bark"
SAY = "Turn text into speech"
SAY_TEXT = "What to say. Try [laughs], [sighs], ... for a pause, CAPITALS for emphasis, ♪ for singing"
SAY_VOICE = "Whose voice: type to search"
SAY_SEED = "The same seed, text and voice give the same audio again"
SING = "Sing a song"
SING_TEXT = "The lyrics, with / between the lines"
SOUND = "Make a sound or some music"
SOUND_TEXT = "What is to be heard: rain on a roof, a creaking door"
DIALOGUE = "A conversation, each speaker with a voice"
DIALOGUE_TEXT = "Ann: Hello! / Bob: Hi. Leave it out to write in a window"
DIALOGUE_CAST = "Who has which voice: Ann=v2/en_speaker_6, Bob=v2/de_speaker_1"
LONG = "Speak a long text: typed in a window, or from a file"
LONG_FILE = "A .txt file instead of the window"
TAKES = "Several versions of one text to choose from"
TAKES_COUNT = "How many"
LIVELINESS = "How freely it is spoken: 0.1 calm, 0.7 usual, 1.5 wild"
TEXTURE = "How varied the sound is: 0.1 smooth, 0.7 usual, 1.5 rough"
FORMAT = "The kind of file"
MAX_SECONDS = "Stop after so many seconds"
VOICE_MESSAGE = "Answer with a voice message"
AGAIN = "Your last text once more, with a new seed"
QUEUE = "What is in line, and where you are"
CANCEL = "Take back something you have in line"
CANCEL_JOB = "Which one; the newest if you leave it out"
HELP = "What I can do, and the marks for laughs, songs and pauses"
ABOUT = "What I am, and which model speaks"
STATS = "How much was spoken"
BARK_THIS = "Bark this"
BARK_THIS_IN_VOICE = "Bark this in voice"

# Windows to type in: a title has 45 characters at most, so has a label
WINDOW_LONG = "A long text"
WINDOW_DIALOGUE = "A conversation"
WINDOW_MARK = "Try it"
WINDOW_TEXT = "Text"
WINDOW_TURNS = "Turns: a name, a colon, what is said"
WINDOW_TURNS_HINT = "Ann: Hello!\nBob: Hi. [laughs]"
WINDOW_VOICE = "Voice (may stay empty)"
WINDOW_CAST = "Voices (may stay empty)"

# The queue
QUEUE_EMPTY = "Nothing is in line: yours would begin at once."
QUEUE_HEAD = "**In line: {count}**, about {wait} of work."
QUEUE_WORKING = "`{place}` being made, {percent} %"
QUEUE_WAITING = "`{place}` ready in about {wait}"
QUEUE_YOURS = "{line} · **yours**: {text}"
QUEUE_MORE = "… and {count} more."
QUEUE_AHEAD = "Ahead of yours: {count}."
QUEUE_LIMITS = "You have {mine} of {most} in line."
QUEUE_LIMITS_SERVER = "This server has {ours} of {most} in line."
CANCEL_DONE = "Cancelled: {text}"
CANCEL_NOTHING = "You have nothing in line."
CANCEL_GONE = "That one is not in line any more. /bark queue shows what is."
CANCEL_WAITING = "{text} · waits"
CANCEL_WORKING = "{text} · being made"
AGAIN_NOTHING = "I have no text of yours yet. Begin with /bark say."

# Help, about, statistics
HELP_TITLE = "What I can do"
HELP_LINE = "`/{command}` {description}"
HELP_MENUS = "On a message, under *Apps*: **{here}**, **{voice}**"
HELP_MARKS_TITLE = "Marks in a text"
HELP_MARK = "`{mark}` {meaning}"
HELP_CHOOSE = "See an example of a mark"
HELP_TRY = "Try {mark}"
HELP_EXAMPLE = "`{mark}` {meaning}. For example:\n> {example}"
MARKS = {
    "laughs": "a short laugh",
    "laughter": "laughter for a while",
    "sighs": "a sigh",
    "music": "a bit of music",
    "gasps": "a gasp",
    "clears-throat": "a cleared throat",
    "dots": "a pause to think",
    "dash": "a break in the middle",
    "note": "sung instead of spoken",
    "capitals": "emphasis",
}
EXAMPLES = {
    "laughs": "I thought it was a hat [laughs], but it was the cat.",
    "laughter": "And then the cake fell down! [laughter]",
    "sighs": "[sighs] Monday again.",
    "music": "[music] Welcome to the evening show.",
    "gasps": "[gasps] Is that for me?",
    "clears-throat": "[clears throat] Dear guests, welcome.",
    "dots": "Let me see... it was a Tuesday.",
    "dash": "I only wanted — never mind.",
    "note": "♪ Row, row, row your boat, gently down the stream ♪",
    "capitals": "That is REALLY good news.",
}
ABOUT_TITLE = "barkbot {version}"
ABOUT_WHAT = "I turn text into speech, songs and sounds with [Bark]({bark}), a model by Suno that makes audio from nothing but text."
ABOUT_MODEL = "**Model** {model} on {device}"
ABOUT_STARTING = "**Model** still starting"
ABOUT_NOTICE = "**Made by AI.** No person said what you hear. Everything I post is labelled; do not pass it off as a real person's voice."
ABOUT_LICENCE = "**Licence** MIT, for Bark and its voices too"
ABOUT_INVITE = "[Add me to a server]({link})"
STATS_YOURS = "**You**: {line}"
STATS_SERVER = "**This server**: {line}"
STATS_ALL = "**Everywhere**: {line}"
STATS_LINE = "answered {answered}, not made {failed}, audio {length}"
STATS_NOW = "In line now: {waiting}. Up for {uptime}."
STATS_PACE = "A second of audio takes {seconds} to make."

# While it is made
STARTING = "Got it. The voice model is still starting; yours is number {place} in line."
IN_LINE = "In line: {place} of {count}. About {wait}."
NEXT = "Next in line. About {wait}."
RENDERING = "{bar} {percent} % · {stage}"
STAGES = {
    "semantic": "finding the words",
    "coarse": "finding the voice",
    "fine": "adding detail",
    "codec": "making sound",
}
AGAIN_AFTER_CRASH = "The synthesiser had to restart; yours goes again. About {wait}."

# The answer
ANSWER = "AI-generated speech (Bark) · voice {voice} · seed {seed} · {seconds} · made in {took}"
ANSWER_LATE = "{mention} your AI-generated speech (Bark) · voice {voice} · seed {seed} · {seconds}"
POSSIBLY_TWICE = "(This may be here twice: I lost touch with Discord while sending it.)"
NO_VOICE = "none"
ALT_TEXT = "AI-generated speech, voice {voice}, {seconds}"

# Refusals: private, and each says what to do
EMPTY = "There is nothing to say in that. Write some text."
NO_TURNS = "Nobody speaks in that. Begin each turn with a name and a colon: Ann: Hello! / Bob: Hi."
CAST_UNREADABLE = "I cannot read “{part}” in the cast. Write it like this: Ann=v2/en_speaker_6, Bob=v2/de_speaker_1"
CAST_STRANGER = "Nobody called “{name}” speaks in that text. There is: {names}."
MESSAGE_EMPTY = "There is nothing to read in that message: I leave out pictures, files and code."
NOT_IN_VOICE = "You are in no voice channel of this server. Join one, then choose this again."
FILE_KIND = "I only read .txt files. Save the text as one and send it again."
FILE_TOO_BIG = "That file has {size}; {limit} is the most I read. Send it in parts."
FILE_UNREADABLE = "I cannot read that file as text. Save it as UTF-8 and send it again."
FILE_GONE = "I could not fetch that file from Discord. Send it again."
TOO_LONG = "That text has {length} characters; {limit} is the most I take at once. Shorten it, or send it in parts."
TOO_LONG_HERE = (
    "That text has {length} characters; {limit} is the most I take here. Shorten it, or use /bark long: up to {long}."
)
UNKNOWN_VOICE = "I have no voice called “{voice}”.{hint} Type a few letters in the voice field to search."
UNKNOWN_VOICE_HINT = " Did you mean {names}?"
OR = "{first} or {last}"
USER_FULL = "You have {count} in line already, the most for one person. Ask again when one of them is done."
GUILD_FULL = "This server has {count} in line already, the most for one server. Try again in about {wait}."
QUEUE_FULL = "The line is about {wait} long right now, too long to promise an answer. Try again <t:{when}:R>."
TOO_LATE = (
    "That would take about {wait}, and here, where I am no member, I can answer for 15 minutes only."
    " Try a shorter text, try again <t:{when}:R>, or use me in a server that has added me."
)
STOPPING = "I am restarting. Try again in a minute; what is in line already is kept."
STORE_FULL = "I cannot take this down: the disk is full or the database does not answer. The people who run me have been told in the log."

# Failures after it was accepted: private too
FAILED = {
    "empty-text": "There was nothing to say in that text.",
    "empty-speech": "The model stayed silent on this text, twice. Try other words or another seed.",
    "unknown-voice": "That voice is not there any more. Choose another one.",
    "out-of-memory": "This one needs more memory than the machine has. Try a shorter text.",
    "disk-full": "The disk is full, so I could not save the audio. Try again later.",
    "too-large": "The audio is larger than I may upload here ({limit}). Try a shorter text.",
    "deaths": "This text stopped the synthesiser {deaths} times, so I put it aside. Try other words.",
    "model": "The voice model cannot be loaded at the moment. Try again later.",
    "internal": "Something went wrong with this one, and the log has the details. Try again, perhaps with another seed.",
}
FAILED_LATE = "{mention} your text could not be made into speech. {why}"
FAILED_QUIETLY = "This one could not be made. Ask again with /bark say."
CANCELLED = "Cancelled."
UNEXPECTED = "Something went wrong on my side, and the log has the details. Try again."


# How lengths and sizes are written
SECONDS = "{n} s"
MINUTES = "{n} min"
HOURS = "{n} h"
RANGE = "{low} to {high}"
MEGABYTES = "{n} MB"
KILOBYTES = "{n} kB"
DECIMAL = "."


def say(template: str, **values: object) -> str:
    """The sentence with its holes filled, in the language of the task at hand."""
    return translations(i18n.language()).get(template, template).format(**values)


@functools.cache
def translations(language: str) -> Mapping[str, str]:
    """English -> that language, as far as its table goes."""
    words = table(language)
    return {english: words[name] for name, english in sentences().items() if name in words}


def sentences() -> dict[str, str]:
    """Every sentence above by its name; those of a dict as `GROUP.key`."""
    return flat({name: value for name, value in globals().items() if name.isupper()})


def _number(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}f}".replace(".", say(DECIMAL))


def _measure(seconds: float) -> tuple[str, str]:
    """A length of time as number and unit."""
    if seconds < 59.5:
        return str(max(1, round(seconds))), SECONDS
    if seconds < 3570:
        return str(max(1, round(seconds / 60))), MINUTES
    hours = round(seconds / 3600, 1)
    return _number(hours, 0 if hours.is_integer() else 1), HOURS


def duration(seconds: float) -> str:
    """A length of time as people say it: `8 s`, `2 min`, `1 h`."""
    number, unit = _measure(seconds)
    return say(unit, n=number)


def span(low: float, high: float) -> str:
    """A range of time: `10-25 s`, `1-2 min`, or one figure where both ends read the same."""
    (first, first_unit), (last, last_unit) = _measure(low), _measure(high)
    if (first, first_unit) == (last, last_unit):
        return say(last_unit, n=last)
    if first_unit == last_unit:
        return say(last_unit, n=f"{first}-{last}")
    return say(RANGE, low=say(first_unit, n=first), high=say(last_unit, n=last))


def clip_length(seconds: float) -> str:
    """The length of a clip: `3.2 s`, `1:05 min`."""
    if seconds < 59.95:
        return say(SECONDS, n=_number(seconds, 1))
    minutes, rest = divmod(round(seconds), 60)
    return say(MINUTES, n=f"{minutes}:{rest:02d}")


def size(amount: int) -> str:
    """Bytes as people say them: `10 MB`."""
    if amount >= 2**20:
        return say(MEGABYTES, n=f"{amount / 2**20:.0f}")
    return say(KILOBYTES, n=max(1, math.floor(amount / 2**10)))


def any_of(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return say(OR, first=", ".join(names[:-1]), last=names[-1]) if len(names) > 1 else "".join(names)


def bar(fraction: float, width: int = 12) -> str:
    """A bar of `width` blocks."""
    full = max(0, min(width, int(fraction * width)))
    return "█" * full + "░" * (width - full)
