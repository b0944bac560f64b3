"""The answers to every query of the boards, as a page would ask them at this moment."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry.look import intervals
from telemetry.look.boards import Board
from telemetry.look.bounds import Pairs
from telemetry.look.refusals import RefusedError
from telemetry.look.upstream import Upstream
from telemetry.look.variables import (
    ALL,
    VariableValue,
    chosen,
    fixed_options,
    options_of,
    put_in,
    question,
)

AT_ONCE = 8
DEFAULT_RANGE = 6 * 3_600
AROUND = ("rules", "alerts", "targets")
"""What the page shows beside the boards."""


@dataclass
class Gathered:
    """Answers by the place that asked, see `Gathering`; time ranges and variables by board."""

    taken: float = field(default_factory=time.time)
    answers: dict[str, Any] = field(default_factory=dict)
    ranges: dict[str, dict[str, float]] = field(default_factory=dict)
    variables: dict[str, dict[str, list[str]]] = field(default_factory=dict)


class Gathering:
    """Asks Prometheus. Places: BOARD/PANEL/REF, with /exemplars, and BOARD/variables/NAME."""

    def __init__(self, upstream: Upstream, wanted: Mapping[str, str], length: float | None = None) -> None:
        self._upstream, self._wanted, self._length = upstream, wanted, length
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.found = Gathered()

    async def all(self, boards: list[Board]) -> Gathered:
        """Everything. RefusedError where Prometheus does not answer; a query that fails is an answer."""
        await self._upstream.ask("query", [("query", "vector(1)")])
        await asyncio.gather(
            *(self._board(board) for board in boards),
            *(self._ask(f"api/prometheus/{path}", path, []) for path in AROUND),
        )
        return self.found

    async def _board(self, board: Board) -> None:
        length = self._length or _length(board.model)
        end = self.found.taken
        self.found.ranges[board.uid] = {"from": end - length, "to": end}
        values: dict[str, VariableValue] = {}
        for model in _dicts(board.model.get("templating"), "list"):
            variable = await self._variable(board.uid, model, values)
            values[variable.name] = variable
        self.found.variables[board.uid] = {
            name: [ALL] if one.all_value else list(one.values) for name, one in values.items()
        }
        await asyncio.gather(
            *(self._panel(board.uid, panel, values, length) for panel in panels(board.model))
        )

    async def _variable(
        self, uid: str, model: dict[str, Any], before: Mapping[str, VariableValue]
    ) -> VariableValue:
        name, options = str(model.get("name")), fixed_options(model)
        if options is None:
            query = model.get("query")
            text = put_in(str(query.get("query") if isinstance(query, dict) else query), before)
            asked = question(text)
            body = await self._ask(f"{uid}/variables/{name}", *asked) if asked else {}
            options = options_of(model, text, body.get("data"))
        return chosen({**model, "name": name}, options, self._wanted.get(name))

    async def _panel(
        self, uid: str, panel: dict[str, Any], values: Mapping[str, VariableValue], length: float
    ) -> None:
        length = intervals.seconds(panel.get("timeFrom")) or length
        await asyncio.gather(
            *(
                self._target(
                    f"{uid}/{panel.get('id')}/{target.get('refId', 'A')}", panel, target, values, length
                )
                for target in _dicts(panel, "targets")
                if is_drawn(target)
            )
        )

    async def _target(
        self,
        place: str,
        panel: Mapping[str, Any],
        target: Mapping[str, Any],
        values: Mapping[str, VariableValue],
        length: float,
    ) -> None:
        end = self.found.taken
        minimums = [
            intervals.seconds(put_in(str(one.get("interval") or ""), values)) for one in (panel, target)
        ]
        step = intervals.step(length, *minimums)
        query = put_in(str(target["expr"]), {**values, **_own(length, step, end)})
        end -= end % step
        window = [("query", query), ("start", f"{end - length:.3f}"), ("end", f"{end:.3f}")]
        if target.get("instant") and not target.get("range"):
            await self._ask(place, "query", [("query", query), ("time", f"{self.found.taken:.3f}")])
        else:
            await self._ask(place, "query_range", [*window, ("step", str(step))])
        if target.get("exemplar"):
            await self._ask(f"{place}/exemplars", "query_exemplars", window)

    async def _ask(self, place: str, path: str, parameters: Pairs) -> dict[str, Any]:
        async with self._turn:
            try:
                body = json.loads((await self._upstream.ask(path, parameters)).body)
            except RefusedError as error:
                body = error.body()
            except ValueError:
                body = RefusedError(502, "unreachable", "Prometheus: it answers with no JSON").body()
        self.found.answers[place] = body
        return body if isinstance(body, dict) else {}


def panels(model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those within rows too."""
    for panel in (*_dicts(model, "panels"), *_dicts(model, "rows")):
        yield panel
        yield from panels(panel)


def is_drawn(target: Mapping[str, Any]) -> bool:
    """Whether a target is a query for Prometheus that is not switched off."""
    source = target.get("datasource")
    kind = source.get("type", "prometheus") if isinstance(source, dict) else "prometheus"
    return bool(target.get("expr")) and not target.get("hide") and kind == "prometheus"


def _dicts(part: Any, key: str) -> list[dict[str, Any]]:
    found = part.get(key) if isinstance(part, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _length(model: Mapping[str, Any]) -> float:
    told = model.get("time")
    return (intervals.since(told.get("from")) if isinstance(told, dict) else None) or DEFAULT_RANGE


def _own(length: float, step: int, end: float) -> dict[str, VariableValue]:
    """Grafana's own variables."""
    values = {
        "__interval": intervals.written(step),
        "__interval_ms": str(step * 1000),
        "__rate_interval": intervals.written(intervals.rate_interval(step)),
        "__range": intervals.written(length),
        "__range_s": f"{length:.0f}",
        "__range_ms": f"{length * 1000:.0f}",
        "__from": f"{(end - length) * 1000:.0f}",
        "__to": f"{end * 1000:.0f}",
    }
    return {name: VariableValue(name, (value,)) for name, value in values.items()}
