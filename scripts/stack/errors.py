"""What goes wrong in words a person can act on."""

from __future__ import annotations


class StackError(Exception):
    """One clear message: the state, the expectation, the next step. Ends the command with `code`."""

    code = 1


class SettingsChangedError(StackError):
    """The stack runs with other settings than this command was given."""

    code = 2


class UnavailableError(StackError):
    """A program that could not be provided; the message lists each way and why it failed."""

    why = ""
    """The reasons of the fetching ways, in one line."""


class WayFailedError(Exception):
    """A way to a program failed; the next one is tried."""
