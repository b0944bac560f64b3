"""The last resort: a verdict written from the evidence alone, here, without a model. It cannot fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from app.llm.verdict import Draft, VerdictRequest
from app.plaintext import plain
from app.reviews.models import Evidence, FactorScore, Polarity

NAME = "template"
MAX_FINDINGS = 3
MAX_QUOTE = 60

_NO_EVIDENCE = "리뷰에서 뚜렷한 근거를 찾지 못했습니다"
# From this share of complaints among clear opinions on: what to recommend.
_RECOMMENDATIONS = (
    (0.6, "지금은 구매를 미루고, 같은 걱정이 적은 다른 제품과 비교해 보시기를 권합니다."),
    (0.3, "조건부로 권합니다. 아래 불만이 내 사용 환경에서도 문제가 될지 먼저 확인해 주세요."),
    (0.0, "걱정하신 점에서는 후회할 가능성이 낮아 보입니다. 구매하셔도 좋겠습니다."),
)


def write(request: VerdictRequest) -> Draft:
    """A Korean verdict from counts and quotes of the evidence, the same for the same request."""
    product = _cut(request.product_name, 200) or "이 제품"
    factors = request.top_factors[:MAX_FINDINGS]
    labels = Counter(evidence.label for evidence in request.evidence)
    return Draft(
        summary=f"{product}의 리뷰를 살펴본 결과입니다. {_concerns(factors)} {_balance(labels)}",
        recommendation=_recommendation(labels),
        key_findings=tuple(_findings(factors, request.top_evidence)) or (f"{_NO_EVIDENCE}.",),
    )


def _concerns(factors: Iterable[FactorScore]) -> str:
    names = ", ".join(_cut(factor.name, 60) for factor in factors)
    return f"가장 중요하게 보신 점: {names}." if names else "뚜렷한 걱정거리는 드러나지 않았습니다."


def _balance(labels: Counter[Polarity]) -> str:
    if not labels:
        return f"{_NO_EVIDENCE}."
    return (
        f"관련 근거 {labels.total()}건 가운데 불만이 {labels['NEG']}건, 만족이 {labels['POS']}건, "
        f"엇갈리거나 중립인 의견이 {labels['MIX'] + labels['NEU']}건입니다."
    )


def _recommendation(labels: Counter[Polarity]) -> str:
    clear = labels["NEG"] + labels["POS"] + labels["MIX"]
    if not clear:
        return "판단할 근거가 부족합니다. 구매 전에 최근 리뷰를 조금 더 확인해 보시기를 권합니다."
    share = (labels["NEG"] + labels["MIX"] / 2) / clear
    return next(text for least, text in _RECOMMENDATIONS if share >= least)


def _findings(factors: Iterable[FactorScore], evidence: tuple[Evidence, ...]) -> Iterable[str]:
    for factor in factors:
        own = [one for one in evidence if one.factor_key == factor.factor_key]
        labels = Counter(one.label for one in own)
        name = _cut(factor.name, 60) or _cut(factor.factor_key, 60)
        if own:
            yield f"{name}: 불만 {labels['NEG']}건, 만족 {labels['POS']}건. {_quote(own[0])}"
        else:
            yield f"{name}: {_NO_EVIDENCE}."


def _quote(evidence: Evidence) -> str:
    return f"예: “{_cut(evidence.excerpt, MAX_QUOTE)}” (별점 {evidence.rating}점)"


def _cut(text: str, length: int) -> str:
    words = " ".join(plain(text).split())
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"
