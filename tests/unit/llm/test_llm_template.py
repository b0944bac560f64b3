"""The template: a verdict for any request at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.laws import examples

from app.llm import template
from app.llm.verdict import Draft, VerdictRequest
from app.reviews.models import Evidence, FactorScore

NOISE = FactorScore("noise", "소음", 0.9)
SUCTION = FactorScore("suction", "흡입력", 0.4)


def evidence(label: str, excerpt: str = "밤에   돌리면\n시끄러워요", factor: str = "noise") -> Evidence:
    return Evidence("r1", 2, excerpt, factor, label, 0.5)  # type: ignore[arg-type]


def test_a_verdict_counts_and_quotes_the_evidence() -> None:
    """The whole verdict, as a shopper reads it."""
    request = VerdictRequest(
        "소곤 청소기", "robot_cleaner", (SUCTION, NOISE), (evidence("NEG"), evidence("NEG"), evidence("POS"))
    )
    assert template.write(request) == Draft(
        summary="소곤 청소기의 리뷰를 살펴본 결과입니다. 가장 중요하게 보신 점: 소음, 흡입력. "
        "관련 근거 3건 가운데 불만이 2건, 만족이 1건, 엇갈리거나 중립인 의견이 0건입니다.",
        recommendation="지금은 구매를 미루고, 같은 걱정이 적은 다른 제품과 비교해 보시기를 권합니다.",
        key_findings=(
            "소음: 불만 2건, 만족 1건. 예: “밤에 돌리면 시끄러워요” (별점 2점)",
            "흡입력: 리뷰에서 뚜렷한 근거를 찾지 못했습니다.",
        ),
    )


def test_without_any_evidence_it_says_so() -> None:
    """Nothing is known, and nothing is made up."""
    assert template.write(VerdictRequest("", "")) == Draft(
        summary="이 제품의 리뷰를 살펴본 결과입니다. 뚜렷한 걱정거리는 드러나지 않았습니다. "
        "리뷰에서 뚜렷한 근거를 찾지 못했습니다.",
        recommendation="판단할 근거가 부족합니다. 구매 전에 최근 리뷰를 조금 더 확인해 보시기를 권합니다.",
        key_findings=("리뷰에서 뚜렷한 근거를 찾지 못했습니다.",),
    )


def test_the_recommendation_follows_the_share_of_complaints() -> None:
    """Few, some and many complaints lead to three recommendations, mixed opinions count half."""
    advice = [
        template.write(VerdictRequest("", "", (), tuple(map(evidence, labels)))).recommendation
        for labels in (["POS"], ["POS", "MIX"], ["POS", "MIX", "MIX"], ["NEG", "POS"], ["NEG"], ["NEU"])
    ]
    good, some, bad, none = advice[0], advice[2], advice[4], advice[5]
    assert len({good, some, bad, none}) == 4
    assert advice == [good, good, some, some, bad, none]


def texts() -> st.SearchStrategy[str]:
    """Any text, lone surrogates too."""
    return st.text(st.characters(codec=None), max_size=300)


@examples(60)
@given(
    product=texts(),
    factors=st.lists(st.builds(FactorScore, texts(), texts(), st.floats()), max_size=4),
    found=st.lists(
        st.builds(
            Evidence,
            texts(),
            st.integers(),
            texts(),
            st.sampled_from(["noise", ""]),
            st.sampled_from(["POS", "NEG", "MIX", "NEU"]),
            st.floats(),
        ),
        max_size=6,
    ),
)
def test_it_cannot_fail(product: str, factors: list[FactorScore], found: list[Evidence]) -> None:
    """Whatever the request, there is a verdict, it can be sent, and it is the same a second time."""
    request = VerdictRequest(product, "c", tuple(factors), tuple(found))
    draft = template.write(request)
    assert draft.model_dump_json().encode()
    assert template.write(request) == draft
