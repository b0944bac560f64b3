"""What goes wrong in words a person can act on."""

from __future__ import annotations


class StackError(Exception):
    """One clear message: what was found, what was expected, what to do next. Ends the command with code 1."""


class UnavailableError(StackError):
    """A program that no way could provide; the message lists every way that was tried and why it failed."""


class WayFailedError(Exception):
    """One way of obtaining a program did not work; the next one is tried."""
