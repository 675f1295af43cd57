"""The `barkbot` command line. Imports happen inside the commands, so that `--help` is instant and the bot never loads torch."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.errors import BarkbotError, Exit

PASSED_ON = {  # commands whose options belong to the synth package: name -> (function there, what it does)
    "say": ("main", "synthesis without Discord (the same as python -m synth)"),
    "voices": ("main_voices", "the voices a model has"),
    "download": ("main_download", "fetch a model, with a progress bar, resumable"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is one of `bot.errors.Exit`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in PASSED_ON:
        return _synth(arguments[0], arguments[1:])
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except BarkbotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="barkbot", description="A Discord bot that speaks with Suno's Bark.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="the bot on Discord (token from BARKBOT_TOKEN, BARKBOT_TOKEN_FILE or a prompt)"
    )
    run.add_argument("--config", type=Path, help="default: config.toml, if it is there")
    run.set_defaults(run=_run)
    demo = commands.add_parser(
        "demo", help="the whole bot against a Discord on this machine: no token, no GPU, no download"
    )
    demo.add_argument("--once", metavar="TEXT", help="say TEXT, print the story, end with the path of the audio")
    demo.add_argument(
        "--out", type=Path, default=Path("demo-out"), help="where received audio goes (default: demo-out)"
    )
    demo.add_argument("--port", type=int, default=0, help="where the page is served (default: a free one)")
    demo.add_argument("--no-browser", action="store_false", dest="browser", help="open no browser")
    demo.set_defaults(run=_demo)
    doctor = commands.add_parser("doctor", help="what works here, what does not, and what to do")
    doctor.add_argument("--config", type=Path, help="default: config.toml, if it is there")
    doctor.set_defaults(run=_doctor)
    audit = commands.add_parser("audit", help="check the audit log's chain of hashes, and print its head")
    audit.add_argument("--config", type=Path, help="default: config.toml, if it is there")
    audit.add_argument("--since", metavar="DATE", help="also print the rows since then, one JSON object a line")
    audit.add_argument("--seen", metavar="ROW:HASH", help="a head that was posted: the chain has to go through it")
    audit.set_defaults(run=_audit)
    verify = commands.add_parser("verify", help="is a clip one of this bot's? watermark, Content Credentials, tags")
    verify.add_argument("file", type=Path, metavar="FILE", help="Ogg, MP3, FLAC or WAV")
    verify.add_argument("--json", action="store_true", help="for other programs")
    verify.add_argument("--config", type=Path, help="default: config.toml, if it is there")
    verify.set_defaults(run=_verify)
    for name, (_, words) in PASSED_ON.items():
        commands.add_parser(name, help=words, add_help=False)
    return parser


def _run(options: argparse.Namespace) -> int:
    from bot import config, log, private, runner, vault  # noqa: PLC0415 - only this command needs them

    private.by_default()
    settings = config.load(options.config)
    log.set_up(settings.log.level)
    keys = vault.take()
    asyncio.run(runner.run(settings, config.take_token(), keys))
    return Exit.OK


def _demo(options: argparse.Namespace) -> int:
    from bot import demo, private, secret  # noqa: PLC0415 - only this command needs them

    private.by_default()
    if options.out.exists() and not options.out.is_dir():
        raise BarkbotError(f"{options.out} is no folder: name another one with --out.")
    for name in ("BARKBOT_TOKEN", "BARKBOT_DATA_KEY", "BARKBOT_DATA_KEY_OLD"):
        secret.take(name)  # real ones have no business here
    return asyncio.run(demo.run(once=options.once, out=options.out, port=options.port, browser=options.browser))


def _doctor(options: argparse.Namespace) -> int:
    from bot import doctor  # noqa: PLC0415 - only this command needs it

    return asyncio.run(doctor.run(options.config))


def _audit(options: argparse.Namespace) -> int:
    from bot import auditor  # noqa: PLC0415 - only this command needs it

    return auditor.run(options.config, since=options.since, seen=options.seen)


def _verify(options: argparse.Namespace) -> int:
    from bot import detector  # noqa: PLC0415 - only this command needs it

    return asyncio.run(detector.run(options.file, path=options.config, as_json=options.json))


def _synth(name: str, arguments: list[str]) -> int:
    import synth.__main__ as command  # noqa: PLC0415 - only these commands need it

    function: Callable[[list[str]], int] = getattr(command, PASSED_ON[name][0])
    return function(arguments)


if __name__ == "__main__":
    sys.exit(main())
