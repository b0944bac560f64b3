"""A sentence's judgement on each factor that it names, clause by clause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from app.reviews import lexicon
from app.reviews.clauses import Clause, clauses
from app.reviews.models import Factor
from app.reviews.morphology import Word
from app.reviews.polarity import PARTICLES, described, judge, noun_direction, word_sign
from app.reviews.terms import Sentence

NAMING = ("NNG", "NNP", "MAG")  # 고장, 삐걱: they name a thing that is present or absent
# Real clauses have fewer places of a factor, and judgements are nearer. Without these limits the cost is the
# square of a text that only repeats itself.
MOST_PLACES = 16
MOST_CLAUSES = 16

Places = Mapping[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class Judgement:
    """A clause says +1, -1, expressly neither (0) or does not judge (None). `end` may lie further on."""

    factor_key: str
    start: int
    end: int
    sign: int | None


def judgements(sentence: Sentence, factors: Sequence[Factor]) -> Iterator[Judgement]:
    """Every clause's verdict on every factor that it names."""
    places = {factor.factor_key: found for factor in factors if (found := sentence.find(factor.anchor_terms))}
    if not places:
        return
    parts = clauses(sentence.words)
    for factor in factors:
        for at, clause in enumerate(parts):
            inside = [
                place for place in places.get(factor.factor_key, []) if clause.first <= place[0] < clause.end
            ]
            if inside:
                sign, last = _sign(
                    parts, at, inside[:MOST_PLACES], _others(places, factor.factor_key), factor
                )
                yield Judgement(factor.factor_key, clause.first, parts[last].end, sign)


def _others(places: Places, key: str) -> list[int]:
    own = {start for start, _ in places[key]}
    return [
        start for other, found in places.items() if other != key for start, _ in found if start not in own
    ]


def _sign(
    parts: Sequence[Clause], at: int, inside: Sequence[tuple[int, int]], others: Sequence[int], factor: Factor
) -> tuple[int | None, int]:
    """The sign and its clause: the naming clause, else the next one without another name."""
    clause = parts[at]
    direction = next((found for place in inside if (found := _direction(clause, place))), 0)
    if _unknown(parts, at):
        return 0, at
    if (wish := _wish(parts, at)) is not None:
        return wish, min(at + 1, len(parts) - 1)
    own = next((sign for place in inside if (sign := _anchored(clause, place, direction, factor))), None)
    if own and _said_and_denied(parts, at):
        return -own, at + 1
    feared = clause.link == "so" and at + 1 < len(parts) and parts[at + 1].thought
    if own and clause.asserts and not feared and not clause.only_at_first:
        return own, at
    for later in range(at + 1, min(at + 1 + MOST_CLAUSES, len(parts))):
        following = parts[later]
        if any(following.first <= other < following.end for other in others):
            break
        sign = judge(following.words, 0, direction, judging=False) if following.asserts else None
        if sign:
            return sign, later
    # 처음엔 괜찮더니: what was so at first is so no longer.
    return -own if own and clause.only_at_first else _neutral(clause), min(at + 1, len(parts) - 1)


def _said_and_denied(parts: Sequence[Clause], at: int) -> bool:
    """없다고 할 수는 없-, 시끄럽다고 할 정도는 아니-, 시끄럽다는 느낌은 없-."""
    if parts[at].link != "said" or at + 1 >= len(parts):
        return False
    forms = {word.form for word in parts[at + 1].words}
    return not forms.isdisjoint({"없", "아니"}) and not forms.isdisjoint({"수", "정도", "느낌", "생각"})


def _neutral(clause: Clause) -> int | None:
    return 0 if any(word.form in lexicon.SO_SO for word in clause.words) else None


def _anchored(clause: Clause, place: tuple[int, int], direction: int, factor: Factor) -> int | None:
    start, end = place[0] - clause.first, min(place[1] - clause.first, len(clause.words))
    words = clause.words
    judging = next((at for at in range(start, end) if word_sign(words[at].form)), None)
    if judging is not None and words[judging].tag not in NAMING:
        return judge(words, judging, 0, judging=True)
    if (aside := _aside(words, end)) is not None:
        return aside
    verb = next((at for at in range(start, end) if words[at].tag in ("VV", "VA")), None)
    sign = judge(words, end if verb is None else verb, direction, judging=False)
    if sign is None and judging is not None:  # 고장, 실망: said of nothing, the noun says it
        return word_sign(words[judging].form)
    return sign if sign is not None else _by_own_terms(words, end, direction, factor)


def _direction(clause: Clause, place: tuple[int, int]) -> int:
    start, end = place[0] - clause.first, place[1] - clause.first
    words = clause.words[start:end]
    # Composed: 당기 and the ending -ㅁ are the noun 당김.
    whole = noun_direction(normalize("NFC", "".join(word.form for word in words)))
    parts = (
        noun_direction(word.form) or (word_sign(word.form) if word.tag in NAMING else 0) for word in words
    )
    direction = whole or next(filter(None, parts), 0)
    return described(clause.words, start, direction) if direction else 0


def _by_own_terms(words: Sequence[Word], start: int, direction: int, factor: Factor) -> int | None:
    """A factor's own negation terms undo it: a feared thing is not there, a wished-for one fails."""
    own = {term for term in factor.negation_terms if term not in lexicon.NEGATORS and len(term) > 1}
    spoken = any(word.form.startswith(tuple(own)) for word in words[start:]) if own else False
    return (1 if direction < 0 else -1) if spoken else None


def _aside(words: Sequence[Word], after: int) -> int | None:
    """소음만 빼면, 소음 말고는, 소음 때문에: said against it; 소음 덕분에: for it."""
    tail = [word.form for word in words[after : after + 4] if word.tag not in PARTICLES][:2]
    if tail and (tail[0] in ("때문", "빼", "제외", "말") or tail[0].startswith("말고")):
        return -1
    return 1 if tail and tail[0] in ("덕분", "덕") else None


def _wish(parts: Sequence[Clause], at: int) -> int | None:
    """-었으면 좋겠-: the wished-for thing is missing. 빼면 다 좋-: so is the excluded thing."""
    clause = parts[at]
    if clause.link != "if" or at + 1 >= len(parts):
        return None
    forms = [word.form for word in clause.words]
    following = [word.form for word in parts[at + 1].words]
    if "빼" in forms[-3:] or "제외" in forms[-4:]:
        return -1
    hoped = following[:1] == ["좋"] and ("겠" in following or "더" in forms or "었" in forms)
    return -1 if hoped or "터" in following else None


def _unknown(parts: Sequence[Clause], at: int) -> bool:
    """Whether the writer says not to know (yet)."""
    return any(_says_unknown(part.words) for part in parts[at : at + 2])


def _says_unknown(words: Sequence[Word]) -> bool:
    forms = [word.form for word in words]
    if "아직" in forms and {"안", "않", "못"} & set(forms) and {"쓰", "돌리", "사용", "틀"} & set(forms):
        return True
    if "모르" in forms:
        before = forms[: forms.index("모르")]
        return not any(form.endswith(("은지", "는지", "ᆫ지", "ᆯ")) for form in before[-2:])
    return "알" in forms and not {"겠", "것", "듯", "거"}.isdisjoint(forms)
