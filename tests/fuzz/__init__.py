"""Hostile input for every parser: `make fuzz`.

targets.py   what is fed: bytes in, nothing but the documented errors out
seeds.py     well-formed input of each kind, to be damaged
damage.py    a seed and a number -> a damaged input, the same each time
feed.py      many of them to one target: how many, how long, the slowest; a failure names the input
__main__.py  the whole run, 100,000 inputs a target; with atheris, where that is installed, its coverage-led inputs as well
"""
