"""The stack on one machine: obtain the programs, supervise them, wait until each is healthy."""
