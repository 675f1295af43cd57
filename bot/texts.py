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
QUEUE_SPEECH = "You can have about {left} of speech right now."
QUEUE_SPEECH_LESS = "You can have about {left} of speech right now; all of it again <t:{when}:R>."
CANCEL_DONE = "Cancelled: {text}"
CANCEL_NOTHING = "You have nothing in line."
CANCEL_GONE = "That one is not in line any more. /bark queue shows what is."
CANCEL_WAITING = "{text} · waits"
CANCEL_WORKING = "{text} · being made"
AGAIN_NOTHING = "I have no text of yours yet. Begin with /bark say."

# Help, about, statistics
HELP_TITLE = "What I can do"
HELP_LINE = "`/{command}` {description}"
HELP_MENUS = "On a message, under *Apps*: **{here}**, **{voice}**, **{report}**"
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
STARTING = "Got it. The voice model is starting; yours is number {place} in line."
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
ANSWER_TAKES = "AI-generated speech (Bark) · {takes} takes · voice {voice} · seeds {seed} to {last} · {seconds} each · made in {took}"
ANSWER_TAKES_LATE = "{mention} your AI-generated speech (Bark) · {takes} takes · voice {voice} · seeds {seed} to {last} · {seconds} each"
ANSWERS = {  # by (late, several takes)
    (False, False): ANSWER,
    (True, False): ANSWER_LATE,
    (False, True): ANSWER_TAKES,
    (True, True): ANSWER_TAKES_LATE,
}
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
SPENT = {  # by whose limit it is
    "user": "You have had your share of speech for now: {amount} an hour for a person. This one fits <t:{when}:R>, a shorter one may now.",
    "member": "You have had your share of speech here for now: {amount} an hour. This one fits <t:{when}:R>, a shorter one may now.",
    "guild": "This server has had its share of speech for now: {amount} an hour. This one fits <t:{when}:R>, a shorter one may now.",
    "everybody": "I have made all the speech that I may for now: {amount} an hour. This one fits <t:{when}:R>, a shorter one may now.",
}
TOO_MUCH = "That is about {length} of speech; {limit} is the most at once here. Shorten it, or send it in parts."
SLOW_DOWN = "That was a lot at once. Try again <t:{when}:R>."
TOO_LATE = (
    "That would take about {wait}, and here, where I am no member, I can answer for 15 minutes only."
    " Try a shorter text, try again <t:{when}:R>, or use me in a server that has added me."
)
STOPPING = "I am restarting. Try again in a minute; what is in line already is kept."
STORE_FULL = "I cannot take this down: the disk is full or the database does not answer. The people who run me have been told in the log."

# The text guard: the rule, never the word
GUARD_RULES = {
    "operators-words": "There is a word in that which I am not to say. Use other words.",
    "servers-words": "There is a word in that which this server does not let me say. Use other words.",
    "protected-name": "That speaks as somebody whose name is protected here. Leave the name out, or speak of them instead.",
}
GUARD_SCAM = (
    "That sounds like a scam: {scam}. I do not lend my voice to one. If it is none, use other words;"
    " moderators can turn this rule off in /bark server."
)
GUARD_SCAMS = {
    "gift-cards": "asking for gift cards",
    "one-time-codes": "asking for secret codes",
    "bank": "speaking as a bank",
    "crypto": "promising that digital money comes back doubled",
    "family": "a relative in trouble who needs money",
    "discord-staff": "speaking as Discord's staff",
    "authorities": "speaking as the police or an office, and asking for money",
    "tech-support": "speaking as technical support",
}

WRONG_CHANNEL = "This server lets me speak in {channels} only."
WRONG_ROLE = "This server lets me speak for {roles} only."
TURNED_OFF = "This server has turned {feature} off."
FEATURES = {
    "sing": "singing",
    "sound": "sounds",
    "dialogue": "dialogues",
    "long": "long texts",
    "voice": "speaking in voice channels",
}

# Voices
VOICES = "Hear, choose and manage voices"
VOICE_OWN = "yours"
VOICE_SHARED = "from this server"
VOICES_TITLE = "**Voices · {page}**"
VOICES_FAVOURITES = "Your favourites"
VOICES_OWN = "Kept by you"
VOICES_SHARED = "Shared with this server"
VOICES_OTHER = "Other voices"
VOICES_LINE = "{name}{more}{star}"
VOICES_NONE = {
    "favourites": "You have no favourites yet. Choose a voice and press ☆ Favourite.",
    "own": "You have kept no voice yet. Press “Keep voice” below an answer that you like.",
    "shared": "Nobody shares a voice with this server yet.",
    "other": "There is nothing here.",
}
VOICES_STARTING = "The voice model is still starting, so I do not know its voices yet. Try again in a minute."
VOICES_CHOSEN = "Chosen: **{name}**{mark}"
VOICES_DEFAULT_MARK = " · your default"
VOICES_CHOOSE_PAGE = "Choose a language or a list"
VOICES_CHOOSE = "Choose a voice"
VOICE_HEAR = "▶ Hear it"
VOICE_STAR = "☆ Favourite"
VOICE_UNSTAR = "★ Favourite"
VOICE_USE = "Use as my default"
VOICE_USE_NOT = "No longer my default"
VOICE_RENAME = "Rename"
VOICE_SHARE = "Share with this server"
VOICE_UNSHARE = "Stop sharing"
VOICE_TAKE_AWAY = "Take it from this server"
VOICE_DELETE = "Delete"
VOICE_DELETE_SURE = "Delete **{name}** for good? Nobody can use it any more, and texts in line that want it will fail."
VOICE_KEEP_IT = "Keep it"
VOICE_NAME = "Name of the voice"
VOICE_RENAME_TITLE = "Rename a voice"
VOICES_BACK, VOICES_ON = "◀", "▶"
VOICES_FULL = "You have kept {limit} voices already, the most for one person. Delete one in /bark voices first."
VOICE_NAME_LENGTH = "A voice's name has {least} to {most} letters or figures."
VOICE_NAMES = {  # by the rule that a name breaks; nobody shall learn a list by trying
    "operators-words": "There is a word in that name which I am not to say. Choose another one.",
    "servers-words": "There is a word in that name which this server does not let me say. Choose another one.",
    "protected-name": "That name is protected: no voice may be called so. Choose another one.",
}
VOICE_NAME_TAKEN = "There is a voice called “{name}” already. Choose another name."
VOICE_NO_SHARING = "This server does not let people share voices."
VOICE_NO_SERVER = "There is no server here to share it with."
VOICE_NOT_YOURS = "That voice is not yours, so you cannot change it."
VOICE_GONE = "That voice is not there any more."
PREVIEW = "AI-generated speech (Bark) · {voice}"
PREVIEW_PREPARING = "Preparing a sample of {voice}. It appears here as soon as there is room."
PREVIEW_BUSY = "There is too much in line for a sample right now. Try again later."

# Settings
SETTINGS = "See and change your own settings"
SERVER = "Settings of this server, for its moderators"
SETTINGS_TITLE = "**Your settings.** What you leave open is as this server or I have it."
SERVER_TITLE = "**Settings of this server.** They hold for everybody here."
SERVER_ONLY = "That is for servers: use it in one."
MODERATORS_ONLY = "Only members who may manage this server can change its settings."
SETTING = "{name}: **{value}**"
SETTING_OPEN = "left open"
SETTING_YES = "yes"
SETTING_NO = "no"
SETTING_NAMES = {
    "voice": "Voice",
    "liveliness": "Liveliness",
    "format": "File",
    "voice_message": "As a voice message",
    "mention_late": "Mention me when it comes late",
    "language": "Language of my words",
    "channels": "Channels where I speak",
    "roles": "Roles I speak for",
    "max_chars": "Longest text, in characters",
    "waiting_per_user": "Texts in line for one member",
    "waiting_per_guild": "Texts in line for the server",
    "member_seconds_per_hour": "Seconds of speech for one member an hour",
    "log_channel": "Channel for notices",
    "sharing": "Sharing of kept voices",
    "member_voices": "Member voices",
    "off": "Turned off",
    "words": "Words I do not say",
    "names": "Names nobody may speak as",
    "scams": "Refuse what sounds like a scam",
}
SETTING_CHOICES = {
    "calm": "calm",
    "natural": "natural",
    "lively": "lively",
    "ogg": "Ogg Opus",
    "mp3": "MP3",
    "flac": "FLAC",
    "wav": "WAV",
    "en": "English",
    "es": "Español",
    "de": "Deutsch",
    "fr": "Français",
    "ja": "日本語",
}
SETTING_EVERYWHERE = "everywhere"
SETTING_EVERYBODY = "everybody"
SETTING_NOTHING = "nothing"
SETTING_NO_LIMIT = "no limit"
SETTINGS_VOICE = "Voice…"
SETTINGS_RESET = "Reset all"
SETTINGS_VOICE_HINT = "A voice's name as /bark voices shows it; empty: leave it open"
SERVER_LIMITS = "Limits…"
SERVER_LIMITS_HINT = "At most {limit}; empty: that many"
SERVER_LIMITS_OPEN = "Empty: no limit"
SERVER_WORDS = "Voice and language…"
SERVER_GUARD = "What I do not say…"
SERVER_GUARD_TITLE = "What I do not say here"
SERVER_GUARD_HINT = "One a line: a word or a phrase, 2 to 40 characters; nothing else in a line"
SERVER_GUARD_WRONG = "“{value}” has not 2 to 40 characters with letters in them. Nothing was changed."
SERVER_GUARD_MANY = "That is too much: {words} words and {names} names are the most. Nothing was changed."
SERVER_CHOOSE_CHANNELS = "Channels where I speak (none: everywhere)"
SERVER_CHOOSE_ROLES = "Roles I speak for (none: everybody)"
SERVER_CHOOSE_LOG = "Channel for notices (none: no notices)"
SERVER_CHOOSE_FEATURES = "What is allowed here"
SERVER_SHARING = "Sharing of kept voices"
SERVER_WRONG_NUMBER = "“{value}” is not a whole number from 1. Nothing was changed."
SERVER_CHANGED = "{user} changed this server's settings · {change}"
NOT_UNDERSTOOD = "That choice is not one I know. Nothing was changed."

# Failures after it was accepted: private too
FAILED = {
    "banned": "It is not delivered: you may not use me at the moment.",
    "empty-text": "I found nothing in that text that my voice model can say: it may not know these letters. Try words in another language.",
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

# Buttons under an answer, by what they do: commands/buttons
BUTTONS = {
    "again": "Again",
    "vary": "Vary",
    "edit": "Edit",
    "play": "▶ Play in voice",
    "more": "More",
    "keep": "Keep voice",
    "bubble": "Voice message",
    "soundboard": "Add to soundboard",
    "details": "Details",
    "delete": "Delete",
    "report": "Report",
    "sure": "Yes, report it",
    "cancel": "Cancel",
}
BUTTON_TAKE = "Take {take}"
BUTTON_UNKNOWN = "I do not know that button. It may be of a newer version of me."
BUTTON_NOT_HERE = "I do not have that one here. Ask anew with /bark say."
BUTTON_ASKER_ONLY = "Only the person who asked for it can do that. Again gives you one of your own."
BUTTON_ASKER_OR_MODERATOR = "Only the person who asked for it, or a moderator, can do that."
BUTTON_NO_COMMANDS = "You may not use commands in this channel, so my buttons are not for you here either."
BUTTON_TOO_EARLY = "That one is not finished yet."
BUTTON_OVER = "That one is over already."
BUTTON_TWICE = "That is on its way already."
CLIP_GONE = "The audio is no longer kept here. Press Again to make it anew."
MORE = "What else would you like to do with it?"
MORE_OF_TAKE = "What would you like to do with take {take}?"
MORE_WITHOUT_CLIP = "The audio itself is no longer kept here. Press Again to make it anew."
CANCELLED_BY_MODERATOR = "Cancelled by a moderator."
DELETED = "Deleted."
CANNOT_DELETE = "Discord does not let me delete it here. A moderator can, from the message's own menu."
KEPT = "Kept as “{name}”. Choose it as the voice of your next text."
MISSING_FOR_ME = "For that I need the permission “{permission}” here. A moderator can give it to my role."
MISSING_FOR_YOU = "For that you need the permission “{permission}” on this server."
NOT_A_MEMBER = "I am not a member of this server, so I cannot do that here. Whoever runs it can invite me."
SEND_VOICE_MESSAGES = "Send Voice Messages"
SEND_MESSAGES = "Send Messages"
VIEW_CHANNEL = "View Channel"
CREATE_EXPRESSIONS = "Create Expressions"
VOICE_MESSAGE_SENT = "Here it is, as a voice message."
SOUND_TOO_LONG = "A soundboard takes at most {seconds}; this one has {length}."
SOUND_FORMAT = "A soundboard takes Ogg and MP3 only. Press Again and choose one of these."
SOUND_FULL = "Discord did not take it. The soundboard may be full; a moderator can make room in the server settings."
SOUND_ADDED = "“{name}” is on the soundboard now."
REPORT_SURE = (
    "Report this answer to the people who look after this place? They see who asked for it and who reports it."
)
REPORT_DONE = "Thank you. It is reported."
REPORT_AGAIN = "You have reported it already. Thank you."
REPORT_TO_MODERATORS = "{reporter} reports an answer that {asker} asked for: {link}"
EDIT_TITLE = "Another version"
EDIT_TEXT = "Text"
EDIT_VOICE = "Voice"
EDIT_VOICE_HINT = "Its name; empty: the usual one"
EDIT_SEED = "Seed"
EDIT_SEED_HINT = "The same seed and text give the same audio; empty: a new one"
EDIT_LIVELINESS = "Liveliness"
EDIT_LIVELINESS_HINT = "Calm 0.3, usual {usual}, wild 1.2; empty: the usual"
KEEP_TITLE = "Keep this voice"
KEEP_NAME = "Name"
KEEP_NAME_HINT = "What you will call it, 2 to 32 characters"
BAD_SEED = "A seed is a whole number from 0 to {most}."
BAD_LIVELINESS = "Liveliness is a number from {least} to {most}; 0.7 is usual."
DETAILS = """**Voice** {voice} · **seed** {seed} · **model** {model}
**Temperatures** text {text_temp}, sound {waveform_temp}
**Length** {seconds} · **made in** {took} · **asked** {when}"""
DETAILS_VARIED = "Made from an earlier one by a button. Vary keeps text, voice and seed and moves both temperatures a little, at random."
DETAILS_AGAIN = "The same once more: `/{command}` with this text, this voice, this seed and these temperatures."
DETAILS_TEXT = "**Text**\n```\n{text}\n```"
DETAILS_NO_TEXT = "The text is for the person who asked."

# Voice channels
JOIN = "Come to your voice channel"
LEAVE = "Leave the voice channel and forget what waits there"
PLAY = "Turn text into speech and say it in your voice channel"
SKIP = "Skip what is heard now, or take something out of the queue"
SKIP_NUMBER = "The number of something that waits, from /bark now; left out: what is heard now"
STOP = "Take yours out of the voice queue; moderators: everything"
PAUSE = "Pause, or go on"
NOW = "What is heard now, and what comes"
READ = "Moderators: read the messages of a channel aloud"
READ_ON = "Whether to"
READ_CHANNEL = "Which channel; left out: this one"
CONNECT = "Connect"
SPEAK = "Speak"
VOICE_ANNOUNCEMENT = (
    "You are about to hear voices that no person has: what I say in voice channels is AI-generated speech (Bark)."
)
VOICE_STATUS = "🔊 Bark: {words}"
VOICE_STATUS_ALONE = "🔊 Bark"
VOICE_MISSING = (
    "I cannot speak in {channel}: I need the permission “{permission}” there. A moderator can give it to my role."
)
VOICE_FULL = "{channel} is full: it takes {limit}. Make room, or give me the permission “Move Members”."
VOICE_CHANNEL_GONE = "That voice channel is not there any more."
VOICE_UNREACHABLE = "I could not connect to {channel}, several times. Try /bark join again in a minute."
VOICE_STAGE = "{channel} is a stage: I have asked to speak, and a stage moderator has to let me."
VOICE_JOINED = "I am in {channel}. /bark play says something here."
VOICE_ELSEWHERE = "I am busy in {channel}. Join it, or wait until I am done there."
VOICE_NOT_CONNECTED = "I am in no voice channel. /bark join calls me to yours."
VOICE_LEFT = "I am out of the voice channel."
VOICE_LEFT_FORGOT = "I am out of the voice channel and have forgotten the {count} that waited."
VOICE_OTHERS_WAIT = "Others have something in the queue. They, or a moderator, can take it out: /bark stop."
VOICE_NOT_WITH_US = "You are not in {channel}. Join it to have a say in what is heard there."
VOICE_NOTHING = "Nothing is heard at the moment."
VOICE_SKIPPED = "Skipped."
VOICE_VOTED = "You want the next: {count} of {needed} votes that it takes."
VOICE_NO_SUCH = "There is no number {number} in the queue. /bark now shows it."
VOICE_TURN_NOT_YOURS = "That one is not yours. Whoever asked for it can take it out, or a moderator."
VOICE_REMOVED = "Taken out of the queue."
VOICE_STOPPED = "Taken out: {count}."
VOICE_NONE_YOURS = "Nothing of yours is in the queue. Everything: that is for moderators."
VOICE_PAUSED = "Paused. /bark pause again goes on."
VOICE_RESUMED = "It goes on."
VOICE_ADDED = "It will be heard in {channel}; {ahead} before it."
VOICE_NOW = "**{words}** · for {asker} · {seconds} so far{paused}"
VOICE_NOW_PAUSED = " · paused"
VOICE_NOW_HELD = "The queue waits. /bark join goes on."
VOICE_WAITING = "{number}. {words}{coming}"
VOICE_WAITING_OTHERS = "something for {asker}"
VOICE_COMING = " · being made"
VOICE_MORE = "and {count} more"
VOICE_CLIP_GONE = "{asker} something of yours cannot be heard: its audio is no longer kept."
VOICE_STUMBLES = (
    "{asker} something of yours cannot be heard: the voice connection breaks each time. Its message has the audio."
)
VOICE_HELD = (
    "I was disconnected from {channel}; {count} still to be heard. /bark join goes on, /bark stop forgets yours."
)
VOICE_ALONE = "Nobody was left in {channel}."
VOICE_GIVEN_UP = "{why} Not heard: {count}. The messages have the audio."
VOICE_RESTART = "I was restarted and go on in {channel}: {count} to be heard."
VOICE_RESTART_PART = (
    "I was restarted and go on in {channel}: {count} to be heard; {lost} are lost, their audio is no longer kept."
)
VOICE_RESTART_GONE = "I was restarted; what was to be heard in {channel} ({lost}) is lost, its audio is no longer kept."
VOICE_RESTART_DROPPED = (
    "I was restarted, and nobody is left in {channel}: {count} not heard. The messages have the audio."
)
READ_MODERATORS = "That is for moderators: it takes the permission “Manage Server”."
READ_NEEDS_INTENT = (
    "I cannot read messages yet. Whoever runs me has to switch on “Message Content Intent” on the Bot page of"
    " discord.com/developers, set message_content = true under [discord] in config.toml, and start me again."
)
READ_IS_ON = (
    "From now on I read the messages of {channel} aloud, in AI-generated speech (Bark), while I am in a voice channel:"
    " short ones, of people who are there, too, and have accepted my rules. /bark-admin read on:False ends it."
)
READ_IS_OFF = "I read no messages aloud any more."
READ_ALREADY_OFF = "I read no messages aloud here."


# Rules, bans, the kill switch, reports, the audit log: moderation
RULES = """**Before I speak for you: my rules**
1. All I make is AI-generated speech and labelled so. Leave the label on, and pass nothing off as the recording of a person.
2. No voice of a real person without their consent; nothing that deceives, defrauds, threatens or harasses.
3. You answer for what you have me say. Moderators may report, remove and ban.
4. I keep what you ask for and its audio for a while, so that buttons and reports work, and that you accepted this: see /bark privacy."""
RULES_SHOWN = "{rules}\n{house}-# Rules {number}, {hash}. You accept them once.{waits}"
RULES_WAITS = " What you asked for waits 15 minutes."
RULES_ACCEPT = "I accept"
RULES_DECLINE = "No"
RULES_ACCEPTED = "✓ You have accepted these rules."
RULES_NOTHING_HELD = "Thank you, you have accepted the rules. Nothing of yours waits here any more: ask again."
RULES_DECLINED = "Then I make nothing, and have forgotten what you asked for. Ask again if you change your mind."
RULES_GONE = "I do not know this question any more, or it was not for you. Use a command, and I ask again."
CONTACT = "the people who run me"
BANNED = "You may not use me{until}.{reason} Those who run me decided that; to object, ask {contact}."
BANNED_HERE = "You may not use me on this server{until}.{reason} Its moderators decided that; to object, ask them."
BANNED_SERVER = "This server may not use me{until}.{reason} Those who run me decided that; to object, ask {contact}."
BANNED_UNTIL = " until <t:{when}:f>"
BANNED_REASON = " Reason: {reason}."
HALTED = "I am paused everywhere by those who run me. What is in line is kept. Try again later."
HALTED_HERE = "I am paused on this server by its moderators. What is in line is kept. Try again later, or ask them."
HALTED_FEATURE = "Those who run me have paused {feature} everywhere. Try again later."
HALTED_FEATURE_HERE = "The moderators of this server have paused {feature}. Try again later, or ask them."
HALTED_WAITING = "Paused. Yours is kept, and made when it goes on."
QUEUE_HALTED = "`{place}` paused"
ADMIN = "For moderators: bans, a stop for everything, reading aloud, the audit log"
ADMIN_EVERYWHERE = "Not only on this server: for those who run me"
OPERATORS_ONLY = "That is for those who run me: the application's owner and its team."
ADMIN_NOTICE = "{user}: {words}"
BAN = "Keep a member from using me"
BAN_MEMBER = "Whom"
BAN_HOURS = "For how many hours; left out: for good"
BAN_WHY = "Why: they are told"
BAN_ID = "The id of a whole server: for those who run me"
BAN_WHOM = "Choose either a member or a server's id."
BAN_NO_ID = "A server's id is a number. With Developer Mode on, Discord's menu of the server copies it."
BAN_NOT_THEM = "You cannot ban yourself, or me."
BAN_DONE = "{who} may not use me {where} {until}. Ended: {count}."
BAN_FOR_GOOD = "for good"
BAN_FOR = "for {hours} h"
BAN_A_SERVER = "server {number}"
UNBAN = "Let a member use me again"
UNBAN_DONE = "{who} may use me {where} again."
UNBAN_NOBODY = "There is no such ban. /bark-admin bans shows those there are."
BANS = "Who may not use me"
BANS_NONE = "Nobody is banned."
BANS_LINE = "{who}{until} · by {by}{reason}"
PLACE_EVERYWHERE = "wherever I am"
PLACE_HERE = "here"
HALT = "Stop at once: nothing is taken in or made; what is in line is kept"
HALT_FEATURE = "What; left out: everything"
HALT_EVERYTHING = "everything"
HALT_DONE = "Stopped {where}: {what}. What is in line is kept. /bark-admin resume goes on."
HALT_ALREADY = "That is stopped already. /bark-admin resume goes on."
RESUME = "Go on after a stop"
RESUME_DONE = "It goes on {where}: {what}."
RESUME_NOTHING = "Nothing of that is stopped."
REPORT = "Report something to the moderators of this server"
REPORT_WORDS = "What is wrong, in your own words; left out: a window opens"
REPORT_MESSAGE = "The link of a message of mine that you mean"
REPORT_THIS = "Report to moderators"
REPORT_NO_LINK = "That is no link of a message here. Choose “Copy Message Link” in the message's menu, and paste that."
REPORT_NOT_MINE = "That message is not mine. To report what people write, use Discord's own report."
REPORT_SENT = "Thank you. The moderators have it; they see who reports."
REPORT_KEPT = (
    "Thank you. It is written down for those who run me: here is no channel for notices that I can reach."
    " If it is urgent, tell the moderators, or {contact}."
)
REPORT_MANY = "You have reported {count} things within the hour; that is the most. The moderators have them."
REPORT_NOTICE = "{reporter} reports:"
REPORT_ABOUT = "It is about {link}"
REPORT_ASKED = "Asked for by {asker}"
WINDOW_REPORT = "A report to the moderators"
WINDOW_REPORT_WORDS = "What is wrong with it?"
AUDIT = "What was decided here, and the head of the audit log"
AUDIT_EMPTY = "Nothing is written in the audit log yet."
AUDIT_HEAD = "Head: row {seq}, SHA-256 `{hash}`"
AUDIT_PROVES = "-# People stand in it under pseudonyms. A posted head makes later changes to the rows before it evident, nothing more."
AUDIT_POSTED = (
    "The audit log ends at row {seq}, SHA-256 `{hash}`.\n"
    "-# Signature (Ed25519) `{signature}`, key `{key}`. Changes to earlier rows are evident from now on, nothing more."
)
# Is a clip from here?
VERIFY = "Find out whether a clip is AI-generated speech of mine"
VERIFY_FILE = "The clip: Ogg, MP3, FLAC or WAV"
VERIFY_THIS = "Is this from Bark?"
VERIFY_NOTHING = "There is no audio file in that message."
VERIFY_BUSY = "I am still looking at other clips. Try again in a minute."
VERIFY_TOO_BIG = "That file is larger than {limit}, the most I look at. Cut out the part in question."
VERIFY_NOT_AUDIO = "I cannot read that as audio: I know Ogg, MP3, FLAC and WAV."
VERIFY_TOO_HARD = "That file took me too long to read. Save it anew, or cut out the part in question."
VERIFY_MADE = "**I made this** on <t:{when}:f>: it is the very file."
VERIFY_NAMED = (
    "Its name is that of a clip which I made on <t:{when}:f>, but it is not that file: it was changed, or the name was"
    " given to another one."
)
VERIFY_MARK = "**Watermark**: found (p = {p}). I made this, or most of it."
VERIFY_PUBLIC_MARK = (
    "**Watermark**: the public one is found (p = {p}). It was made with barkbot, though by nobody in particular: everybody"
    " has that key."
)
VERIFY_NO_MARK = "**Watermark**: none found, which proves nothing."
VERIFY_CREDENTIAL_OWN = "**Content Credentials**: valid and signed by me; the file is as it was made."
VERIFY_CREDENTIAL_AI = (
    "**Content Credentials**: valid, and they say that it is AI-generated. They are signed by “{signer}”, whoever"
    " that is."
)
VERIFY_CREDENTIAL = (
    "**Content Credentials**: valid, but they do not say that it is AI-generated. They are signed by “{signer}”, whoever"
    " that is."
)
VERIFY_CREDENTIAL_BROKEN = (
    "**Content Credentials**: broken. The file was changed after it was signed, or they are forged."
)
VERIFY_NO_CREDENTIAL = "**Content Credentials**: none. Ogg cannot carry them, and much drops them on the way."
VERIFY_CREDENTIAL_UNREAD = "**Content Credentials**: I cannot read them where I run."
VERIFY_TAGGED = "**Tags**: they say that it is AI-generated. Everybody can write that, or take it out."
VERIFY_NOT_TAGGED = "**Tags**: nothing."
VERIFY_LISTENED = "I have listened to the first {length}."
VERIFY_NO_PROOF = "So nothing says that this is mine; that is no proof that a person speaks."
# Member voices: /bark-voice, the ceremony in direct messages, the notice in a log channel
CONSENT_GROUP = "A voice of your own, made from your own recording, with your consent"
CONSENT_MINE = "Have your own voice made, or see how it stands"
CONSENT_GRANTS = "Who may use your voice: give, list, take away"
CONSENT_GRANT_MEMBER = "Let this member use it"
CONSENT_GRANT_ROLE = "Let everybody with this role use it"
CONSENT_GRANT_EVERYBODY = "Let everybody in this server use it"
CONSENT_GRANT_USES = "For what"
CONSENT_GRANT_DAYS = "For how many days; never longer than your consent"
CONSENT_REVOKE = "End your voice, at once and for good"
CONSENT_REVOKE_MEMBER = "For moderators: whose voice to end in this server"
CONSENT_TERMS = (
    "**A synthetic copy of your voice**\nIf you agree, I make a voice from one recording that you speak for it, and from"
    " nothing else. It can say anything that somebody types. It can be used in {server} alone, by you and by those whom you"
    " choose below or later; for the first 24 hours by you alone, in direct messages with me. The moderators of {server}"
    " are told, and can end it. The recording is deleted as soon as the voice is made; no voiceprint is computed. The voice"
    " is kept encrypted and ends by itself after the time you choose, at most {most} days. You can end it at any time"
    " with /bark-voice revoke: then its key and file are destroyed, what waits is cancelled, and I delete my messages with"
    " it. What others have downloaded I cannot call back. Speak for yourself only, and only of your own free will. Clips"
    " are marked as AI-generated, and a sound says so."
)
CONSENT_VERSION = "-# Version {version}, SHA-256 {digest}"
CONSENT_MEMBERS = "Members who may use it: nobody else"
CONSENT_ROLES = "Roles that may use it: none"
CONSENT_CHOOSE = "For what may others use it?"
CONSENT_DURATION = "For how long?"
CONSENT_OPTIONS = {
    "everybody": "Everybody in this server",
    "files": "Clips in text channels",
    "speak": "Voice channels",
}
CONSENT_USES = {"files": "Clips in text channels", "speak": "Voice channels", "both": "both"}
CONSENT_DAYS = "For {days} days"
CONSENT_AGREE = "I agree"
CONSENT_NO = "No"
CONSENT_DECLINED = "Nothing was made, and nothing was recorded."
CONSENT_OFF = (
    "There are no member voices in this server. Whoever runs me has to allow them, and the moderators here have to choose"
    " a log channel and switch them on in /bark server."
)
CONSENT_STARTING = "The model is still starting. Try again in a minute."
CONSENT_CANNOT = (
    "I cannot make member voices: what it takes to understand a recording, or to make a voice of it, is not installed."
)
CONSENT_REFUSED = {
    "not-yours": "That is not for you to press.",
    "used": "That page was used already. /bark-voice mine shows a new one.",
    "old-page": "That page is too old. /bark-voice mine shows a new one.",
    "has-voice": "You have a voice already. End it first with /bark-voice revoke.",
    "busy": "I am still listening to your last answer.",
    "too-often": "That was your third try within a day. Try again tomorrow.",
}
CONSENT_NAMES = {  # by the rule that the name breaks
    "operators-words": (
        "Your voice would be called after you, and there is a word in your name which I am not to say. Take another"
        " nickname in this server, then /bark-voice mine again."
    ),
    "servers-words": (
        "Your voice would be called after you, and there is a word in your name which this server does not let me say."
        " Take another nickname in this server, then /bark-voice mine again."
    ),
    "protected-name": (
        "Your voice would be called after you, and your name here is protected: no voice may be called so. Take another"
        " nickname in this server, then /bark-voice mine again."
    ),
}
CONSENT_CHALLENGE = (
    "You agreed that a synthetic copy of your voice is made for {server}. Now say so: record a **voice message** here"
    " (the microphone next to the text field) within {minutes} minutes, and read this aloud, calmly, in English:"
    "\n>>> {sentence}"
)
CONSENT_SENT = "I sent you a direct message with what to say. You have {minutes} minutes."
CONSENT_CLOSED = "I cannot send you direct messages. Allow them for this server in your privacy settings, then /bark-voice mine again."
CONSENT_HEARING = "Thank you. I am listening …"
CONSENT_FAILED = {
    "not-yours": "I am not waiting for anything from you here.",
    "used": "I am not waiting for an answer. /bark-voice mine begins anew.",
    "late": "That came too late: the time is over. /bark-voice mine begins anew.",
    "not-spoken": "I need a voice message, spoken here and now: the microphone next to the text field. No file, no text.",
    "not-one-file": "I need one voice message as Discord records it, and nothing else.",
    "too-large": "That file is too large for a recording of 20 seconds.",
    "length": "A recording has 6 to 20 seconds.",
    "not-fetched": "I could not fetch your recording. /bark-voice mine begins anew.",
    "too-loud": "The recording is distorted: a little further from the microphone. /bark-voice mine begins anew.",
    "too-quiet": "I hear too little speech, or too much noise. /bark-voice mine begins anew.",
    "words": "I did not hear the six code words in their order. /bark-voice mine begins anew.",
    "sentence": "I did not understand the sentence in which you agree. /bark-voice mine begins anew.",
    "unheard": "I could not listen to your recording. It is deleted. /bark-voice mine begins anew.",
    "restart": "I was restarted while I listened. Your recording is deleted. /bark-voice mine begins anew.",
    "closed": "I could not send you what to say.",
    "off": "Member voices were switched off meanwhile. Your recording is deleted.",
}
CONSENT_DONE = (
    "Your voice is made: **{voice}**, until <t:{until}:D>. The recording is deleted. For 24 hours it is yours alone: try"
    " it here with /bark say. /bark-voice grants shows who may use it then, /bark-voice revoke ends it."
)
CONSENT_DONE_UNTOLD = (
    "Your voice is made: **{voice}**, until <t:{until}:D>. The recording is deleted. I could not tell the moderators yet;"
    " until 24 hours after I could, it is yours alone: try it here with /bark say. /bark-voice revoke ends it."
)
CONSENT_STATUS = "Your voice is **{voice}**, until <t:{until}:D>. Others may use it by {grants} grants."
CONSENT_STATUS_QUARANTINE = "It is yours alone until <t:{when}:f>, in direct messages with me."
CONSENT_STATUS_UNTOLD = (
    "It is yours alone, in direct messages with me: the moderators could not be told yet, I keep trying."
)
CONSENT_STATUS_HELD = "It was reported. Until a moderator has looked it is yours alone, in direct messages with me."
CONSENT_WITHHELD = {
    "gone": "{voice} has ended.",
    "off": "{voice} cannot be used: member voices are switched off.",
    "elsewhere": "{voice} can only be used in the server that it was made for.",
    "quarantine": "{voice} is new, or was reported: for now only its owner can use it.",
    "not-granted": "{voice} is a member's own voice, and you may not use it like this. Only they can allow it.",
    "own-elsewhere": "{voice} can be used in its own server, and in direct messages with me.",
    "own-quarantine": "For now {voice} can be used in direct messages with me only.",
}
CONSENT_OFFER = "a member's voice"
CONSENT_NONE = "You have no voice of your own. /bark-voice mine begins."
CONSENT_ELSEWHERE = "Your voice can only be granted in the server that it was made for."
CONSENT_GRANTS_NONE = "Nobody but you may use {voice}."
CONSENT_GRANTS_HEAD = "Who may use {voice} besides you:"
CONSENT_GRANT = "- {who}: {uses}, until <t:{until}:D>"
CONSENT_TAKE = "Take away"
CONSENT_TAKE_ONE = "{number}: {kind}"
CONSENT_KINDS = {"member": "a member", "role": "a role", "server": "everybody"}
CONSENT_END = "End this voice"
CONSENT_END_SURE = "End **{voice}** for good? Its key and file are destroyed, what waits is cancelled, and I delete my messages with it."
CONSENT_ENDED = "**{voice}** has ended: its key and file are destroyed. Messages deleted: {gone}."
CONSENT_ENDED_LEFT = (
    "**{voice}** has ended: its key and file are destroyed. Messages deleted: {gone}. Not deleted, or not yet: {kept}."
)
CONSENT_ENDED_FOR_YOU = "A moderator of {server} has ended your voice. Its key and file are destroyed."
CONSENT_NOT_THERE = "There is no such voice here, or it is not for you to end."
CONSENT_NOTICE = (
    "{member} had a voice of their own made, from a recording that they spoke: **{voice}**, until <t:{until}:D>. For 24"
    " hours nobody else can use it. You know each other's voices: if it is not theirs, report it."
)
CONSENT_REPORT = "Not theirs: report"
CONSENT_REPORTED = "Reported by {reporter}: until a moderator has looked, nobody but its owner can use it."
CONSENT_CLEAR = "It is theirs"
VOICE_ADOPT = "Make it the server's own"
CONSENT_LOG_FIRST = "Choose a log channel first: that is where new member voices are told of, and reports go."
SERVER_MEMBER_VOICES = "Member voices, with consent"
WITHDRAWN = "This voice was withdrawn."
BUTTON_MEMBER_VOICE = "Clips in a member's voice cannot be kept or copied. Ask anew with /bark say or /bark play."
# What is kept, and how it goes
PRIVACY = "What I keep about you: see it, take a copy, delete it"
PRIVACY_TITLE = "**What I keep about you.** Only you see this."
PRIVACY_LINE = "• {what}: **{count}** · {until}"
PRIVACY_NOTHING = "I keep nothing about you."
PRIVACY_NOTE = "What I have posted is in Discord, not here: delete it there, or with the button Delete under it."
PRIVACY_DAYS = "{n} days"
PRIVACY_EXPORT = "Get a copy"
PRIVACY_EXPORTED = "Everything that I keep about you. Times are in seconds since 1970."
PRIVACY_DELETE = "Delete everything…"
PRIVACY_ASK = (
    "Delete everything that I keep about you: texts, requests, audio, voices you kept, favourites, settings? Your own voice, if you"
    " had one made, ends, and I delete my messages with it. What is in line is cancelled. This cannot be undone."
)
PRIVACY_SURE = "Yes, delete it"
PRIVACY_BACK = "No, keep it"
PRIVACY_DELETED = "It is deleted."
PRIVACY_CANCELLED = "Cancelled with it: {count}."
PRIVACY_POSTED = "What I have posted stays in Discord until you or a moderator delete it there."
PRIVACY_POLICY = "Privacy policy"
PRIVACY_TERMS = "Terms"
HELD = {
    "texts": "Texts of your requests",
    "jobs": "Requests: when and where, voice, settings, outcome",
    "clips": "Audio, for the buttons under it",
    "turns": "What was or is to be heard in voice channels",
    "reports": "Reports you made",
    "reported": "Reports of your answers",
    "voices": "Voices you kept",
    "favourites": "Favourite voices",
    "settings": "Your settings",
    "meters": "How much speech you had lately",
    "flows": "Your share of the queue",
    "erasures": "Your wish to be forgotten",
    "acceptances": "Rules that you accepted",
    "questions": "Rules that you were shown",
    "bans": "Bans that hold for you",
    "bans_made": "Bans that you made",
    "halts": "Stops that you made",
    "complaints": "Reports in your own words",
    "complained": "Reports about your answers, in others' words",
    "audit": "What the audit log says of you",
    "subjects": "Your key to the audit log",
    "made": "Files known again by their hash",
    "member_voices": "Your own voice",
    "ceremonies": "Your consents to a voice",
    "grants": "Who may use your voice",
    "granted": "Voices of others for you",
    "voice_posts": "My messages with members' voices",
}
HELD_UNTIL = {
    "text": "until {text} after the answer",
    "clips": "until {clips} after the answer",
    "jobs": "until {jobs} after the answer",
    "reports": "for {reports}",
    "wish": "until you delete it",
    "leak": "until it is used up, a day at most",
    "erasure": "until the last of it has ended",
    "questions": "for 30 days; what waits with it 15 minutes",
    "ban": "as long as it holds",
    "audit": "for good; with your key goes whom it is about",
    "consent": "until {consent} after its end",
    "ceremonies": "as long as the voice; without one for {ceremonies}",
    "posts": "as long as the request, or until the voice ends",
}
HELD_STAYS = {
    "reported": "What others reported stays for {reports}: that you asked for it and when, without its text and audio.",
    "meters": "How much speech you had lately stays until it is used up, a day at most: the limits hold on.",
    "erasures": "What is being cancelled just now goes with its last words, in some minutes.",
    "bans": "Bans that hold for you stay as long as they hold: else nobody could be kept out.",
    "audit": "The audit log only grows; nobody can tell any more which of its rows are about you.",
}
TEXT_GONE = "The text of that one is no longer kept here. Ask anew with /bark say."
ALL_GONE = "Neither the audio nor the text of that one is kept here any more. Ask anew with /bark say."
STATS_SINCE = "Counted are requests of the last {span}."


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


def called(command: str) -> str:
    """A command by the name that its reader sees: `bark say` is `bark sagen` in German."""
    names = table(i18n.language())
    return " ".join(names.get(f"names.{word}", word) for word in command.split())


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
