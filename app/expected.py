"""pydantic's expectation in plain words: for settings and for the API's input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WHOLE = "a whole number"
_TEXT = "a text without halves of characters (lone surrogates)"
_OBJECT = "a JSON object, sent as application/json"
_URL = "a URL such as http://127.0.0.1:8090"
# Error type -> what was expected; names in braces are of the error's context.
EXPECTED: Mapping[str, str] = {
    "missing": "a value, and it is missing",
    "int_parsing": _WHOLE,
    "int_parsing_size": f"{_WHOLE} with fewer digits",
    "int_from_float": _WHOLE,
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "{ge:.10g} or more",
    "less_than": "less than {lt:.10g}",
    "less_than_equal": "{le:.10g} or less",
    "literal_error": "{expected}",
    "string_type": "a text",
    "string_unicode": _TEXT,
    "string_too_short": "{min_length} or more characters that can be seen",
    "string_too_long": "{max_length} characters or fewer",
    "json_invalid": "JSON, and it cannot be read as such ({error})",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "url_parsing": _URL,
    "url_type": _URL,
    "url_syntax_violation": _URL,
    "url_scheme": "a URL of scheme {expected_schemes}",
    "url_too_long": "a URL of {max_length} characters or fewer",
}


def expected(problem: ErrorDetails | Mapping[str, Any]) -> str:
    """`expected ...`; for a validator of ours, its own words."""
    words = EXPECTED.get(problem["type"])
    if words is None:
        return str(problem["msg"]).removeprefix("Value error, ")
    return f"expected {words.format(**problem.get('ctx', {}))}".replace("'", "")
