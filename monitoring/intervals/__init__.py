"""How often numbers move (intervals.yaml), who repeats it, and what must be longer than it."""
