"""What can be read on a disk by whoever has it."""

from pathlib import Path


def on_disk(folder: Path, words: str) -> list[str]:
    """The files that hold these words."""
    found = [path for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]
    return sorted(path.name for path in found)
