"""PromQL taken apart: the series an expression selects, over which windows, the labels it answers with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import promql_parser

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::\w+)?\}|(?P<bare>[A-Za-z_]\w*))")
COMPARISONS = {">", ">=", "<", "<=", "==", "!="}
_KEEPING = [promql_parser.AggModifierType.By, promql_parser.LabelModifierType.Include]
_OPERATORS = (
    (promql_parser.MatchOp.Equal, "="),
    (promql_parser.MatchOp.NotEqual, "!="),
    (promql_parser.MatchOp.Re, "=~"),
    (promql_parser.MatchOp.NotRe, "!~"),
)


@dataclass(frozen=True)
class Match:
    """One label matcher, such as status_code =~ 5.."""

    label: str
    operator: str
    value: str

    @property
    def is_regex(self) -> bool:
        """Whether the value is a regular expression."""
        return self.operator.endswith("~")

    def holds(self, value: str) -> bool:
        """Whether a label with this value is selected, as Prometheus anchors it."""
        same = bool(re.fullmatch(self.value, value)) if self.is_regex else self.value == value
        return same != self.operator.startswith("!")


@dataclass(frozen=True)
class Selector:
    """One selection of series; `window` in seconds for a range, else None."""

    metric: str
    matches: tuple[Match, ...]
    window: float | None = None


@dataclass(frozen=True)
class Grouping:
    """The labels of one by or on clause, and the metrics they are taken from."""

    labels: tuple[str, ...]
    metrics: tuple[str, ...]


def fill(expr: str, values: Mapping[str, str]) -> str:
    """An expression with Grafana's variables replaced; one without a value raises KeyError."""
    return _VARIABLE.sub(lambda found: values[found["braced"] or found["bare"]], expr)


def variables(expr: str) -> set[str]:
    """The names of Grafana's variables and macros in a text."""
    return {found["braced"] or found["bare"] for found in _VARIABLE.finditer(expr)}


def parse(expr: str) -> promql_parser.Expr:
    """The syntax tree of an expression without variables; ValueError says what is wrong with it."""
    try:
        tree: promql_parser.Expr = promql_parser.parse(expr)
    except ValueError as error:
        raise ValueError(f"not PromQL: {expr.strip()!r}: {error}") from error
    return tree


def same(one: str, other: str) -> bool:
    """Whether two expressions are the same but for layout and outer brackets."""
    return _plain(one) == _plain(other)


def _plain(expr: str) -> str:
    tree = parse(expr)
    while isinstance(tree, promql_parser.ParenExpr):
        tree = tree.expr
    return tree.prettify()


def nodes(tree: promql_parser.Expr) -> list[promql_parser.Expr]:
    """Every node of a syntax tree, outermost first."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(tree, found.append)
    return found


def selectors(expr: str) -> Iterator[Selector]:
    """Every selection of series in an expression."""
    window = None
    for node in nodes(parse(expr)):
        if isinstance(node, promql_parser.VectorSelector):
            yield _selector(node, window)
        window = node.range.total_seconds() if isinstance(node, promql_parser.MatrixSelector) else None


def _selector(node: promql_parser.VectorSelector, window: float | None = None) -> Selector:
    matchers = [*node.matchers.matchers, *(m for group in node.matchers.or_matchers for m in group)]
    matches = tuple(Match(m.name, _operator(m), m.value) for m in matchers)
    named = next((m.value for m in matches if m.label == "__name__"), "")
    return Selector(node.name or named, tuple(m for m in matches if m.label != "__name__"), window)


def _operator(matcher: promql_parser.Matcher) -> str:
    return next(text for operator, text in _OPERATORS if operator == matcher.op)


def groupings(expr: str) -> Iterator[Grouping]:
    """Every by and on clause, with the metrics that must have its labels."""
    for node in nodes(parse(expr)):
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.BinaryExpr):
            modifier = modifier and modifier.matching
        if modifier is not None and modifier.type in _KEEPING:
            metrics = {selector.metric for selector in selectors(node.prettify())}
            yield Grouping(tuple(modifier.labels), tuple(sorted(metrics)))


def answered_labels(expr: str) -> set[str] | None:
    """The labels of the answer's series as the expression's outermost `by` fixes them; None: as selected."""
    tree = parse(expr)
    while not isinstance(tree, promql_parser.AggregateExpr):
        inner = [node for node in _operands(tree) if any(selectors(node.prettify()))]
        if not inner:
            return None
        tree = inner[0]
    if tree.modifier is None:
        return _param_labels(tree)
    if tree.modifier.type != promql_parser.AggModifierType.By:
        return None
    return set(tree.modifier.labels)


def _param_labels(tree: promql_parser.AggregateExpr) -> set[str] | None:
    """topk and bottomk keep the labels of what they pick; other aggregations without `by` drop all."""
    return answered_labels(tree.expr.prettify()) if str(tree.op) in {"topk", "bottomk"} else set()


def compared(expr: str) -> tuple[str, float]:
    """What an alert's expression compares, and the number it compares that with."""
    for node in nodes(parse(expr)):
        if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in COMPARISONS:
            continue
        if isinstance(node.rhs, promql_parser.NumberLiteral):
            return node.lhs.prettify(), node.rhs.val
    raise ValueError(f"{expr.strip()!r}: expected a comparison with a number")


def _operands(tree: promql_parser.Expr) -> list[promql_parser.Expr]:
    if isinstance(tree, promql_parser.BinaryExpr):
        return [tree.lhs, tree.rhs]
    if isinstance(tree, promql_parser.Call):
        return [argument for argument in tree.args if isinstance(argument, promql_parser.Expr)]
    if isinstance(tree, (promql_parser.ParenExpr, promql_parser.UnaryExpr, promql_parser.SubqueryExpr)):
        return [tree.expr]
    return []
