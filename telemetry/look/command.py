"""The command `telemetry look`: its options, and one line for what goes wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from telemetry.look.bounds import RANGE_SECONDS
from telemetry.look.intervals import seconds
from telemetry.look.options import Options
from telemetry.record.schema import Metric
from telemetry.secrets import without_secrets
from telemetry.settings import SettingsError

USAGE, FAILED = 2, 1
ABOUT = "Show Grafana's dashboards with the numbers of a Prometheus, in a page of this process."
MORE = """\
Prometheus is asked by this process alone, read-only. The page needs no Grafana and no network.

examples:
  %(prog)s --dashboards monitoring/grafana/dashboards
  %(prog)s --dashboards boards --prometheus https://prometheus.example --prometheus-token-file token
  %(prog)s --dashboards boards --path-prefix /boards --allowed-host ops.example.com   (behind a proxy)
"""


def parser(prog: str, defaults: Mapping[str, Any]) -> argparse.ArgumentParser:
    """The options; `defaults` by their field in Options."""
    made = argparse.ArgumentParser(
        prog, description=ABOUT, epilog=MORE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = {name: defaults.get(name, getattr(Options, name, None)) for name in Options.__dataclass_fields__}

    def option(name: str, field: str, metavar: str, words: str, **more: Any) -> None:
        kept = given[field]
        said = f" (default: {', '.join(map(str, kept)) if isinstance(kept, tuple) else kept})" if kept else ""
        made.add_argument(name, dest=field, metavar=metavar, help=words + said, **more)

    option("--prometheus", "prometheus", "URL", "the Prometheus to ask")
    option("--prometheus-token-file", "token_file", "FILE", "a file with the bearer token for it")
    option("--prometheus-ca-file", "ca_file", "FILE", "the CA of its certificate, in PEM form")
    option(
        "--dashboards",
        "dashboards",
        "DIR",
        "a folder with Grafana's classic JSON; repeatable",
        action="append",
        type=Path,
    )
    option("--runbooks", "runbooks", "DIR", "a folder with NAME.md for alerts", type=Path)
    option("--host", "host", "ADDRESS", "address to listen on")
    option("--port", "port", "PORT", "port to listen on; 0 takes a free one", type=int)
    option("--path-prefix", "path_prefix", "PATH", "where a proxy in front has the page, such as /boards")
    option(
        "--allowed-host",
        "allowed_hosts",
        "NAME",
        "a name by which browsers reach the page, beside localhost and addresses; repeatable",
        action="append",
    )
    made.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --host be an address that others reach; the page asks no password",
    )
    option("--trace-url", "trace_url", "URL", "where a trace is shown; {trace_id} stands for its id")
    option("--link-prometheus", "prometheus_link", "URL", "Prometheus's own page, for links")
    option("--title", "title", "WORDS", "the title of the page")
    files = made.add_argument_group("in place of serving a page")
    files.add_argument(
        "--snapshot",
        metavar="FILE.html",
        type=Path,
        help="write the boards with their numbers into one file, which needs no network and names no address",
    )
    files.add_argument(
        "--png", metavar="DIR", type=Path, help="write a picture of each board into a folder; needs Chromium"
    )
    files.add_argument(
        "--range", metavar="TIME", help="look back so long, such as 6h (default: as each board says)"
    )
    files.add_argument(
        "--variable", metavar="NAME=VALUE", action="append", default=[], help="of the boards; repeatable"
    )
    files.add_argument("--theme", choices=("light", "dark"), help="of pictures (default: light)")
    files.add_argument("--language", choices=("en", "ko"), help="of pictures (default: en)")
    made.set_defaults(**{name: value for name, value in given.items() if not isinstance(value, tuple)})
    return made


def read(
    arguments: Sequence[str], prog: str, defaults: Mapping[str, Any], catalogue: Iterable[Metric]
) -> Options:
    """The options of a command line. Raises SettingsError; ends the process at --help and at a wrong word."""
    words = vars(parser(prog, defaults).parse_args(arguments))
    for field in ("dashboards", "allowed_hosts"):
        words[field] = tuple(words[field] or defaults.get(field, ()))
    if not 0 <= words["port"] <= 65_535:
        raise SettingsError(f"--port={words['port']}: expected a port, 0 to 65535")
    words["range_seconds"] = _range(words.pop("range"))
    words["variables"] = dict(pair.partition("=")[::2] for pair in words.pop("variable"))
    return Options(**{**words, "catalogue": tuple(catalogue)})


def _range(text: str | None) -> float | None:
    length = None if text is None else seconds(text)
    if text is not None and (not length or length > RANGE_SECONDS):
        raise SettingsError(f"--range={text!r}: expected a time such as 6h, at most {RANGE_SECONDS} s")
    return length


def main(
    arguments: Sequence[str],
    prog: str = "telemetry look",
    defaults: Mapping[str, Any] | None = None,
    catalogue: Iterable[Metric] = (),
) -> int:
    """Run the command until it is ended; the exit code. What cannot be used is one line, and 2."""
    from telemetry.look.refusals import RefusedError

    try:
        options = read(arguments, prog, defaults or {}, catalogue)
        _write(options) if options.snapshot or options.png else _serve(options)
    except (SettingsError, RefusedError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return USAGE if isinstance(error, SettingsError) else FAILED
    return 0


def _write(options: Options) -> None:
    """The files that are asked for, each said when it is there."""
    import asyncio

    from telemetry.look import pictures, snapshot
    from telemetry.look.server import Look

    if options.png:
        pictures.check(options.png)
    if options.snapshot:
        text = asyncio.run(snapshot.take(Look(options)))
        snapshot.write(options.snapshot, text)
        sys.stdout.write(f"{options.snapshot}\n")
    if options.png:
        for path in pictures.take(Look(options), options.png):
            sys.stdout.write(f"{path}\n")


def _serve(options: Options) -> None:
    from telemetry.look import serving
    from telemetry.look.server import Look

    app = Look(options).application()
    with serving.bind(options.listening) as bound:
        where = serving.url(bound, options.prefix)

        def started() -> None:
            sys.stdout.write(f"{options.title}: {where} (from {without_secrets(options.prometheus)})\n")
            sys.stdout.flush()

        serving.serve(app, bound, started)
