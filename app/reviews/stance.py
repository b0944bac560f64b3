"""How much something matters to the shopper, by the words of an answer; light enough for every turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.reviews.models import Factor
from app.reviews.text import compact

NAMED = 0.85  # a factor named without a word on how much it matters
ANSWERED = 0.6  # an answer that says neither

# The first pattern that is found decides; spaces are taken out before.
STANCES: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern), stance)
    for pattern, stance in (
        (
            r"없으면안|없어야|안나야|상관없지않|괜찮지않|안괜찮|무시못|무시할수없|양보못|양보할수없|포기못",
            1.0,
        ),
        (
            r"(중요|필요|민감|예민|걱정|신경쓰|신경쓰이)[가-힣]{0,3}?(지는?않|진않|지도않|건아니|것은아니|건아닌)",
            0.15,
        ),
        (r"(안|별로|그다지|딱히)(중요|필요|민감|예민|걱정|신경|불편)", 0.1),
        (
            r"상관(은|이|도)?(없|안)|신경(은|을|도)?(안|꺼)|필요(는|가|도)?없|관심(은|이|도)?없|무관|아무거나|아무래도",
            0.05,
        ),
        (r"걱정(은|이|도)?(없|안)|문제(는|가|도)?(없|안|되지않)|안써|안쓴|안씁|쓰지않|안해|안합|하지않", 0.1),
        (r"(조금|약간|살짝|어느정도|웬만)[가-힣]{0,8}(괜찮|참을|돼|된다|됩)", 0.35),
        (r"괜찮|참을수있|참을만|감수", 0.2),
        (r"^(아니|아뇨|없|노$)|(거의|전혀|별로)(없|안|못느)|없(다|어요|습니다|음|네요)$", 0.1),
        (
            r"못참|못견|참을수없|견딜수없|반드시|무조건|절대|최우선|필수|꼭|제일|가장|매우|아주|굉장|너무|엄청",
            1.0,
        ),
        (r"보통|가끔|조금|약간|적당|있으면좋|이따금|때때로|그럭저럭|반반|이라면|한두번|종종", 0.5),
        (
            r"중요|민감|예민|싫|걱정|필요|매일|항상|늘|자주|많|신경|불편|거슬|스트레스|후회|고생|힘들|아쉬|안에서만",
            0.95,
        ),
        (r"^(네|예|응|그렇|맞)|있(다|어요|습니다|음|네요)$|이상", 0.9),
        (r"이하|미만", 0.35),
    )
)
CLAUSE = re.compile(
    r"[.!?,~\n]+|(?<=는데)|(?<=은데)|(?<=지만)|(?<=구요)|(?<=이고)|(?<=하고)|(?<=없고)|(?<=쓰고)"
)


def stance(text: str) -> float | None:
    """0 (does not matter) to 1 (matters most), or None where the words do not say."""
    squeezed = compact(text)
    return next((value for pattern, value in STANCES if pattern.search(squeezed)), None)


def clauses(text: str) -> Iterator[str]:
    """The parts of an answer that may each speak of something else."""
    return (part.strip() for part in CLAUSE.split(text) if part and part.strip())


def named(text: str, factors: Sequence[Factor]) -> Iterator[tuple[Factor, bool]]:
    """The factors of which `text` speaks, and whether by an anchor (else by a context term)."""
    squeezed = compact(text)
    for factor in factors:
        if _holds(squeezed, (*factor.anchor_terms, factor.display_name)):
            yield factor, True
        elif _holds(squeezed, factor.context_terms):
            yield factor, False


def _holds(squeezed: str, terms: Sequence[str]) -> bool:
    # One syllable ("방", "앱") stands inside too many other words to be trusted without an analyser.
    return any(len(term) > 1 and term in squeezed for term in map(compact, terms))
