"""An address to listen on, with the settings that it comes from: whether it can be had, and the error."""

from __future__ import annotations

import errno
import socket
from typing import NamedTuple

from telemetry.settings import SettingsError

_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
_EVERY = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not listened on


class Listening(NamedTuple):
    """Host and port, and the keys that users know them by."""

    host: str
    port: int
    host_key: str
    port_key: str

    def refused(self, error: OSError | UnicodeError) -> SettingsError:
        """The error of an address that cannot be listened on."""
        key, value = self.host_key, self.host
        if getattr(error, "errno", None) in _OF_THE_PORT:
            key, value = self.port_key, str(self.port)
        why = getattr(error, "strerror", None) or error
        return SettingsError(
            f"{key}={value}: cannot listen on {self.host}:{self.port} ({why}); expected a free port, and an "
            "address of this machine"
        )

    def check(self) -> None:
        """Raise SettingsError where it cannot be had now. Of a name with several addresses, one will do that
        this machine has; each of those must be free."""
        lacking: list[OSError] = []
        found = self._found()
        for family, address in found:
            try:
                _try(family, address)
            except OSError as error:
                if error.errno in _OF_THE_PORT:
                    raise self.refused(error) from None
                lacking.append(error)
        if len(lacking) == len(found):
            raise self.refused(lacking[0])

    def meets(self, other: Listening) -> bool:
        """Whether both want one port of one address."""
        mine, theirs = ({address[0] for _, address in each._found()} for each in (self, other))
        return self.port == other.port != 0 and bool(mine & theirs or (mine | theirs) & _EVERY)

    def _found(self) -> list[tuple[int, tuple[str, int]]]:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError) as error:
            raise self.refused(error) from None
        return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def _try(family: int, address: tuple[str, int]) -> None:
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)
