"""What can go wrong in the engine.

SynthError                 something the caller can act on; its text says what to do
+-- JobError               this job cannot be done; carries the protocol's Reason
|   +-- EmptyText, EmptySpeech, UnknownVoice
|   +-- BadVoice           a history prompt file that is not one
|   +-- OutOfMemory, DiskFull
|   +-- NoRecogniser, NoMaker, NoSpeech
|   +-- Unreadable         a stranger's file: NotAudio, TimedOut, TooLong, TooBig
+-- ModelError             the model cannot be found, fetched, verified or loaded
+-- DeviceError            the device is broken; a new process may help
Stopped                    not an error: the listener asked to stop between two steps
"""

from __future__ import annotations

from typing import ClassVar

from synth.protocol import Reason


class SynthError(Exception):
    """Something went wrong that has a sentence for the person who asked."""


class JobError(SynthError):
    """This job cannot be done; others can."""

    reason: ClassVar[Reason] = Reason.INTERNAL


class EmptyText(JobError):
    """There is nothing to say in an empty text."""

    reason = Reason.EMPTY_TEXT


class EmptySpeech(JobError):
    """The model ended before it said anything, also at the second try."""

    reason = Reason.EMPTY_SPEECH


class UnknownVoice(JobError):
    """No voice of that name."""

    reason = Reason.UNKNOWN_VOICE


class BadVoice(UnknownVoice):
    """The file is no usable history prompt."""


class OutOfMemory(JobError):
    """The device ran out of memory, also at the second, smaller try."""

    reason = Reason.OUT_OF_MEMORY


class DiskFull(JobError):
    """The audio could not be written."""

    reason = Reason.DISK_FULL


class NoRecogniser(JobError):
    """No speech recogniser is here: what is said in a recording cannot be checked."""

    reason = Reason.NO_RECOGNISER


class NoMaker(JobError):
    """What makes voices of recordings is not here, for this model."""

    reason = Reason.NO_MAKER


class NoSpeech(JobError):
    """Nobody speaks in the recording, or not for long enough."""

    reason = Reason.NO_SPEECH


class Unreadable(JobError):
    """Nothing can be made of this file; `code` goes over the border."""

    code: ClassVar[str] = "unreadable"
    reason = Reason.NOT_AUDIO


class NotAudio(Unreadable):
    """The bytes are no sound in a format that is asked for, or a broken one."""

    code = "not-audio"


class TimedOut(Unreadable):
    """It was not read in the time there is, or its reader died."""

    code = "timed-out"


class TooLong(Unreadable):
    """There is more sound in it than was asked for."""

    code = "too-long"
    reason = Reason.TOO_MUCH_AUDIO


class TooBig(Unreadable):
    """It has too many bytes, or needs too much memory."""

    code = "too-big"
    reason = Reason.TOO_MUCH_AUDIO


class ModelError(SynthError):
    """The model cannot be used; the text says why and what to do."""


class DeviceError(SynthError):
    """The device is broken for this process."""


class Stopped(Exception):
    """Raised by a listener between two steps to end a job."""
