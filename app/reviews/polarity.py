"""Whether a clause speaks for or against its subject: +1, -1, or None without a judgement.

A judging word has a sign of its own (좋-, 시끄럽-) or takes it from its subject (소음이 크-, 흡입력이 크-).
Each negation that reaches the word reverses the sign: 안, 못, -지 않-, -는 건 아니-, -ㄴ 적 없-. Two
reversals cancel out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from unicodedata import normalize

from app.reviews import lexicon
from app.reviews.morphology import Word

NOUNS = ("NNG", "NNP", "NNB", "NR", "XR", "SL")
PREDICATES = ("VV", "VA", "XSV", "XSA", "VX")
LINKING = ("EP", "XSA", "XSV", "VX", "EC", "JX", "JKS", "JKC", "MAG")
UNDOING = (*PREDICATES, "VCN", "MAG", "NNG")
PARTICLES = ("JX", "JKS", "JKC", "JKO", "JKG")


def noun_direction(noun: str) -> int:
    """+1 for wished-for things, -1 for feared ones, 0 for others."""
    if noun in lexicon.BAD_NOUNS:
        return -1
    if noun in lexicon.GOOD_NOUNS or (len(noun) > 1 and noun.endswith(lexicon.WISHED_ENDINGS)):
        return 1
    return 0


def word_sign(form: str) -> int:
    """The sign that a word has by itself, with or without the verb ending 하 (간편, 간편하), or 0."""
    forms = {form, form.removesuffix("하")}
    return (not forms.isdisjoint(lexicon.POSITIVE)) - (not forms.isdisjoint(lexicon.NEGATIVE))


def judge(words: Sequence[Word], start: int, subject: int, judging: bool) -> int | None:
    """What the clause says from `start` on, of a thing with direction `subject`.

    `judging`: the word at `start` is itself a judgement (시끄럽-), and no subject.
    """
    if judging:
        return _turned(words, start, word_sign(words[start].form))
    last_noun = None
    for at in range(start, len(words)):
        found = _verdict(words, at, subject, last_noun is not None)
        if found is not None:
            return found
        direction = noun_direction(words[at].form) if words[at].tag in NOUNS else 0
        if direction and not _compared(words, at):
            subject, last_noun = described(words, at, direction), at
    return subject if last_noun is not None and subject < 0 else None


def _verdict(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    """The word's sign, by the first rule that applies."""
    return next((sign for way in WAYS if (sign := way(words, at, subject, named_again)) is not None), None)


def _by_phrase(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    tail = ""
    for last in range(at, min(at + 6, len(words))):
        if words[last].tag not in PARTICLES:
            tail += words[last].form
        if sign := lexicon.PHRASES.get(normalize("NFC", tail)):
            measures = words[at].form in lexicon.MEASURES and subject
            return sign * subject if measures else _turned(words, last, sign)
    return None


def _by_amount(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    amount = (words[at].form in lexicon.MORE) - (words[at].form in lexicon.LESS)
    return _turned(words, at, subject * amount) if amount and subject and _is_judgement(words, at) else None


def _by_itself(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    own = word_sign(words[at].form)
    return _turned(words, at, own) if own and _is_judgement(words, at) else None


def _by_lack(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    lacking = words[at].form in lexicon.LACKING and words[at].tag in PREDICATES
    return _turned(words, at, -1) if lacking else None


def _by_saying_so(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    """문제예요, 걱정돼요: a feared or wished-for noun with a verb that adds nothing."""
    adds_nothing = words[at].tag == "VCP" or words[at].form in ("하", "되")
    return _turned(words, at, subject) if named_again and subject and adds_nothing else None


def _by_success(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    """A verb that does not judge, but is said to succeed (잘) or to fail (안, 못)."""
    if words[at].tag not in ("VV", "XSV", "VX", "XSA"):
        return None
    if turns(words, at) % 2:
        return 1 if subject < 0 else None if _by_choice(words, at) else -1
    before = words[at - 1].form if at else ""
    return 1 if before in lexicon.WELL and subject >= 0 else None


def _by_choice(words: Sequence[Word], at: int) -> bool:
    """앱은 안 깔았어요: a shopper's choice is no failure; an inability (못) is."""
    helps = any(word.tag == "VX" and word.form == "주" for word in words[at + 1 : at + 4])
    cannot = any(
        word.form in ("못", "못하") for word in (*words[max(0, at - 2) : at], *words[at + 1 : at + 4])
    )
    return words[at].form in lexicon.SHOPPERS_ACTS and not helps and not cannot


def _by_denial(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    """전혀 아니에요, said of nothing else."""
    denied = words[at].tag == "VCN" and at + 1 >= len(words) - 1 and not subject
    return -1 if denied else None


def _by_excess(words: Sequence[Word], at: int, subject: int, named_again: bool) -> int | None:
    """너무 커요, 너무 짧아요: too much of anything is a complaint."""
    sized = words[at].form in lexicon.MORE | lexicon.LESS and words[at].tag == "VA"
    return -1 if sized and not subject and at and words[at - 1].form == "너무" else None


WAYS = (
    _by_phrase,
    _by_amount,
    _by_excess,
    _by_itself,
    _by_lack,
    _by_saying_so,
    _by_success,
    _by_denial,
)


def _is_judgement(words: Sequence[Word], at: int) -> bool:
    """Whether a word that can judge does so here: 별로예요 does, 별로 안 커요 does not."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else None
    if word.form == "별로":
        return following is None or following.tag in ("VCP", "SF", "SP", "EF", "XSV")
    if word.tag == "MAG":
        return word.form in ("없이", "꼼꼼", "덜") and (
            word.form != "덜" or following is None or following.tag == "XSA"
        )
    return word.tag in (*NOUNS, *PREDICATES, "IC")


def described(words: Sequence[Word], at: int, direction: int) -> int:
    """The direction of the noun, or of the words right before it: 좋은 냄새, 안 피로."""
    if at >= 2 and words[at - 1].tag == "ETM" and (sign := word_sign(words[at - 2].form)):
        return sign
    return -direction if at and words[at - 1].form in ("안", "못") else direction


def _compared(words: Sequence[Word], at: int) -> bool:
    """Whether the noun is only what something is compared with (가격보다, 성능에 비해)."""
    following = words[at + 1].form if at + 1 < len(words) else ""
    return following in ("보다", "대비", "치고")


def _turned(words: Sequence[Word], at: int, sign: int) -> int:
    return -sign if turns(words, at) % 2 else sign


def turns(words: Sequence[Word], at: int) -> int:
    """How many negations reach the word."""
    return _turns_before(words, at) + _turns_after(words, at)


def _turns_before(words: Sequence[Word], at: int) -> int:
    before = at - 1
    if before >= 0 and words[before].tag == "XPN" and words[before].form in ("불", "비", "미", "무"):
        return 1 + _turns_before(words, before)
    while before >= 0 and words[before].form in lexicon.PASSED_OVER:
        before -= 1
    return int(before >= 0 and words[before].tag == "MAG" and words[before].form in lexicon.NEGATORS)


def _turns_after(words: Sequence[Word], at: int) -> int:
    """Negations behind the word: -지 않-, 안 하-, and through a noun: -는 게 아니-, -ㅁ이 없-, -ㄴ 적 없-."""
    through_noun = words[at].tag in ("NNG", "NNP")
    for place in range(at + 1, len(words)):
        word = words[place]
        if word.form in ("않", "못하", "말") and word.tag in ("VX", "VV"):
            return 1 + _turns_after(words, place)
        if word.tag == "MAG" and word.form in ("안", "못"):
            return 1
        if word.tag in ("ETM", "ETN") or (word.tag, word.form) in (("EC", "ᆷ"), ("EC", "음")):
            through_noun = True
        elif through_noun and word.tag in UNDOING and word.form in lexicon.UNDOING:
            return 1 + _turns_after(words, place)
        elif not (through_noun and word.tag in (*NOUNS, "JX", "JKS")) and word.tag not in LINKING:
            return 0
    return 0


def strength(words: Sequence[Word]) -> float:
    """How strongly a clause is put, about 0.2 to 1."""
    forms = [word.form for word in words]
    strong = sum(form in lexicon.STRONG for form in forms) + sum(a == b for a, b in pairwise(forms))
    weak = sum(form in lexicon.WEAK for form in forms)
    return max(0.2, min(1.0, 0.6 + 0.15 * min(strong, 2) - 0.15 * min(weak, 2)))
