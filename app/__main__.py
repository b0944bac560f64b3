"""`python -m app`: the command `reviewlens`, where a script's first line cannot name the interpreter."""

from app.cli import main

main()
