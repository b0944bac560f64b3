"""What a row of each kind of file must hold. Values come as text (CSV) or as JSON has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.reviews.models import Factor, Question, Review
from app.reviews.spelling import clean

Kind = Literal["factors", "questions", "reviews"]
KINDS: tuple[Kind, ...] = get_args(Kind)  # what others need comes first
SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson")
MAX_TEXT = 20_000
NAMES = 8
SHOWN = 30  # characters of a value; a review's text may have slipped into any column


@dataclass(frozen=True)
class Fault:
    """A row's fault: the column's value and the expectation; never a review's text."""

    given: str
    column: str = ""
    expected: str = ""

    def __str__(self) -> str:
        found = f"{self.column} {self.given}".strip()
        return f"{found}, expected {self.expected}" if self.expected else found


class BadRowError(ValueError):
    """A row that cannot be taken, with all its faults."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults: Sequence[Fault] = faults


class BadFileError(ValueError):
    """A refused file, and the line of its fault."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


def _text(value: object) -> object:
    """Ids may be numbers."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return clean(value) if isinstance(value, str) else value


def _terms(value: object) -> object:
    parts = value.split("|") if isinstance(value, str) else [] if value is None else value
    return tuple(text for part in parts if (text := _text(part))) if isinstance(parts, list) else parts


def _number(value: object) -> object:
    """A number as CSV writes it; true and false are no numbers."""
    if isinstance(value, bool):
        raise ValueError("no number")
    return clean(value) if isinstance(value, str) else value


def _moment(value: object) -> object:
    """Only ISO 8601 text: a bare number would be taken for seconds since 1970."""
    text = clean(value) if isinstance(value, str) else ""
    if not text[:4].isdigit() or text[4:5] != "-":
        raise ValueError("no time")
    return text


# A description states the expectation and appears in the fault.
Text = Annotated[str, Field(description="text"), BeforeValidator(_text)]
# The limit stands before the cleaning validator, so pydantic counts the cleaned text.
Id = Annotated[
    str, Field(min_length=1, max_length=200, description="1 to 200 characters"), BeforeValidator(_text)
]
Terms = Annotated[tuple[str, ...], Field(description="words separated by |"), BeforeValidator(_terms)]


class Row(BaseModel):
    """A checked row. Columns that it does not know are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FactorRow(Row):
    """A row of a factors file; older ones have no product_name."""

    factor_id: Id
    factor_key: Id
    category: Id
    category_name: Text = ""
    product_name: Text = ""
    regret_type: Text = ""
    display_name: Id
    description: Text = ""
    anchor_terms: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="one word or more, separated by |"),
        BeforeValidator(_terms),
    ]
    context_terms: Terms = ()
    negation_terms: Terms = ()
    weight: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="a number, 0 or more"),
        BeforeValidator(_number),
    ] = 1.0
    review_mentions: Annotated[
        int, Field(ge=0, description="a whole number, 0 or more"), BeforeValidator(_number)
    ] = 0

    def value(self) -> Factor:
        """The factor. A product without a name goes by its category's."""
        values = self.model_dump()
        values["category_name"] = self.category_name or self.category
        values["product_name"] = self.product_name or values["category_name"]
        return Factor(**values)


class QuestionRow(Row):
    """A row of a questions file."""

    question_id: Id
    factor_id: Id
    factor_key: Id
    question_text: Id
    answer_type: Annotated[
        Literal["single_choice", "no_choice"],
        Field(description="single_choice or no_choice"),
        BeforeValidator(_text),
    ]
    choices: Terms = ()
    next_factor_hint: Text = ""

    def value(self) -> Question:
        """The question."""
        if self.answer_type == "single_choice" and len(self.choices) < 2:
            few = f"has {len(self.choices)}" if self.choices else "is empty"
            raise BadRowError(Fault(few, "choices", "two or more for single_choice, separated by |"))
        return Question(**self.model_dump())


class ReviewRow(Row):
    """A row of a reviews file."""

    review_id: Id
    rating: Annotated[
        int, Field(ge=1, le=5, description="a whole number from 1 to 5"), BeforeValidator(_number)
    ]
    text: Annotated[
        str,
        Field(min_length=1, max_length=MAX_TEXT, description=f"1 to {MAX_TEXT:,} characters"),
        BeforeValidator(_text),
    ]
    created_at: Annotated[
        datetime,
        Field(description="ISO 8601, such as 2026-01-31T09:30:00+09:00"),
        BeforeValidator(_moment),
    ]

    def value(self) -> Review:
        """The review; a time without a zone is UTC."""
        at = self.created_at if self.created_at.tzinfo else self.created_at.replace(tzinfo=timezone.utc)
        try:
            return Review(self.review_id, self.rating, self.text, at.astimezone(timezone.utc))
        except OverflowError:
            raise BadRowError(
                Fault("is no time in UTC", "created_at", "one in the years 1 to 9999 there too")
            ) from None


ROWS: Mapping[Kind, type[FactorRow] | type[QuestionRow] | type[ReviewRow]] = {
    "factors": FactorRow,
    "questions": QuestionRow,
    "reviews": ReviewRow,
}
# A file is of the first kind whose telling columns it has.
TELLING: Mapping[Kind, frozenset[str]] = {
    "questions": frozenset({"question_id", "question_text"}),
    "factors": frozenset({"factor_key", "anchor_terms"}),
    "reviews": frozenset({"review_id", "text"}),
}
# Columns hardly right by chance: they betray a row inside a quoted field.
SELDOM_RIGHT: Mapping[Kind, frozenset[str]] = {
    "questions": frozenset({"answer_type"}),
    "factors": frozenset({"weight", "review_mentions"}),
    "reviews": frozenset({"created_at"}),
}


def kind_of(names: Iterable[str]) -> Kind:
    """The kind of file with these columns. BadFileError states the expectation."""
    seen = set(names)
    for kind, telling in TELLING.items():
        if telling <= seen:
            return kind
    given = listed(sorted(seen)) or "none"
    raise BadFileError(f"columns {given} tell no kind of file; {expected()}")


def expected() -> str:
    """What may be imported, in words."""
    *others, last = SUFFIXES
    kinds = "; ".join(f"{kind} with {', '.join(required(kind))}" for kind in TELLING)
    return f"expected {', '.join(others)} or {last} files: {kinds}, and a category's key in the file's name"


def listed(names: Sequence[str]) -> str:
    """Names of columns as a message may show them: without a header, a review's text stands there."""
    more = len(names) - NAMES
    return ", ".join([*map(shown, names[:NAMES]), *([f"and {more} more"] if more > 0 else [])])


@cache
def known_columns() -> frozenset[str]:
    """The columns of all kinds."""
    return frozenset().union(*map(columns, ROWS))


def columns(kind: Kind) -> frozenset[str]:
    """The columns that a kind of file may have."""
    return frozenset(ROWS[kind].model_fields)


def required(kind: Kind) -> list[str]:
    """The columns that a kind of file must have."""
    return [name for name, field in ROWS[kind].model_fields.items() if field.is_required()]


def check(kind: Kind, row: Mapping[str, Any]) -> Factor | Question | Review:
    """The row's value. BadRowError names each column that is not as expected."""
    try:
        return ROWS[kind].model_validate(dict(row)).value()
    except ValidationError as error:
        places = {str(problem["loc"][0]): problem for problem in error.errors()}
    fields = ROWS[kind].model_fields
    raise BadRowError(
        *(Fault(_given(problem), name, fields[name].description or "") for name, problem in places.items())
    )


def resembles(kind: Kind, row: Mapping[str, Any]) -> bool:
    """Whether it is a row of the kind, though perhaps a bad one."""
    try:
        check(kind, row)
    except BadRowError as error:
        wrong = {fault.column for fault in error.faults}
        return not SELDOM_RIGHT[kind] <= wrong and SELDOM_RIGHT[kind] <= row.keys()
    return True


def _given(problem: Any) -> str:
    value = problem["input"]
    if problem["type"] == "missing":
        return "is missing"
    if isinstance(value, str) and problem["type"] == "string_too_long":
        return f"has {len(value):,} characters"
    if isinstance(value, list | tuple | dict):
        return "is an object" if isinstance(value, dict) else "is a list" if value else "is empty"
    return f"is {_short(value)}"


def _short(value: object) -> str:
    if not isinstance(value, str):
        return shown(str(value).lower() if isinstance(value, bool) else str(value))
    return "empty" if not value else repr(value) if shown(value) == value else shown(value)


def shown(text: str) -> str:
    """A value or a name as a message may show it; of what may be a review's text, only the length."""
    return text if len(text) <= SHOWN and text.count(" ") < 2 else f"a text of {len(text):,} characters"
