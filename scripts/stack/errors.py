"""What goes wrong in words a person can act on."""

from __future__ import annotations


class StackError(Exception):
    """One clear message: what was found, what was expected, what to do next. Ends the command with `code`."""

    code = 1


class SettingsChangedError(StackError):
    """The stack runs with other settings than this command was given."""

    code = 2


class UnavailableError(StackError):
    """A program that no way could provide; the message lists every way that was tried and why it failed."""

    why = ""
    """The reasons of the ways that would have fetched it, in one line."""


class WayFailedError(Exception):
    """One way of obtaining a program did not work; the next one is tried."""
