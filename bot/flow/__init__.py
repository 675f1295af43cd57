"""The six steps of one request: ask, check, queue, render, reply, voice.

clips.py: finished audio that is kept for a while. voice_message.py: the same as Discord's bubble with a picture of the sound.

Voice channels: voice.py  all servers' rooms     room.py  one server's: joins, plays, notices, leaves
    turn.py stage.py  the play queues and their SQL     playing.py record.py  what is heard now, and how turns end
    speaker.py sounds.py  packets from a file, also while it grows     door.py entrance.py  in, out, and what is in the way
    booth.py visitor.py  who may do what     sign.py  the channel's status     reading.py  a text channel, aloud

verify.py: what a clip tells of where it comes from. made.py: files of ours, known again.
attachment.py: a file that somebody attached, fetched with nothing taken on trust.
cast.py: who speaks in a dialogue. plain.py: what of a chat message can be spoken. tally.py: how much was.
gcra.py, meters.py: how many seconds of audio people and servers may have.
"""
