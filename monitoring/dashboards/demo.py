"""reviewlens-demo-kr: 데모 시나리오와 사용자 여정."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring.dashboards.model import Dashboard, Panel, PanelRow, Query, bad_from, good_from, share
from monitoring.dashboards.variables import CATEGORY_KO, PROMETHEUS_KO, PROVIDER_KO, runbook
from monitoring.targets import Targets
from telemetry.catalog import STAGES

OF_CATEGORY = 'category=~"$category"'
OF_PROVIDER = 'provider=~"$provider"'
STAGE_NAMES = {
    "product_selection": "1. 제품 선택",
    "review_collection": "2. 리뷰 수집",
    "dialogue_start": "3. 대화 시작",
    "dialogue_active": "4. 대화 진행",
    "dialogue_complete": "5. 대화 완료",
}


ACTION_NAMES = {"enter": "진입", "complete": "완료"}
REASON_NAMES = {"timeout": "시간 초과", "browser_close": "창 닫음"}
WHOLE = "locale"
"""Counts in full: 1,234 and not 1 K."""


def staged(others: Mapping[str, str]) -> dict[str, str]:
    """Lines by stage and another label -> what a shopper's journey calls them."""
    return {
        f"{stage} {other}": f"{STAGE_NAMES[stage]} {shown}"
        for stage in STAGES
        for other, shown in others.items()
    }


def grown(metric: str, *matchers: str) -> str:
    """How much a counter of the chosen categories grew in the shown time."""
    return f"increase({metric}{{{','.join((OF_CATEGORY, *matchers))}}}[$__range])"


def steps(stage: str, action: str) -> str:
    """Shoppers of the chosen categories who entered or completed a stage in the shown time."""
    matchers = f'stage="{stage}"', f'action="{action}"'
    return f"sum({grown('user_journey_stage_total', *matchers)})"


def per_hour(metric: str) -> str:
    """A counter's pace an hour, by category."""
    return f"sum by (category) (rate({metric}{{{OF_CATEGORY}}}[1h])) * 3600"


def board(targets: Targets) -> Dashboard:
    """The board, with limits and targets from slo.yaml."""
    return Dashboard(
        file="reviewlens-demo-kr",
        title="ReviewLens: 데모 시나리오와 사용자 여정",
        description="데모를 돌리며 보는 화면: 한눈에 보기, 단계별 여정과 이탈, 시나리오마다 움직이는 지표.",
        tags=("reviewlens", "demo", "korean"),
        variables=(CATEGORY_KO, PROVIDER_KO, PROMETHEUS_KO),
        refresh="5s",
        since="now-30m",
        rows=(
            PanelRow("한눈에 보기", _glance(targets)),
            PanelRow("사용자 여정", JOURNEY),
            PanelRow("데모 시나리오", _scenarios(targets)),
            PanelRow("대화", _dialogues(targets)),
            PanelRow("근거와 분석", EVIDENCE),
        ),
    )


def _stat(title: str, description: str, expr: str, unit: str = WHOLE) -> Panel:
    return Panel("stat", title, description, (Query(expr, title),), unit=unit, width=4, height=4, decimals=0)


def _glance(targets: Targets) -> tuple[Panel, ...]:
    target = targets.objective("completion").target
    return (
        _stat("시작한 대화", "표시 구간에 만들어진 대화 세션 수", f"sum({grown('dialogue_sessions_total')})"),
        _stat(
            "완료한 대화",
            "표시 구간에 평결까지 도달한 대화 수",
            f"sum({grown('dialogue_completions_total')})",
        ),
        Panel(
            "stat",
            "완료율",
            "시작한 대화 가운데 평결까지 간 비율. 색은 slo.yaml의 목표를 따릅니다.",
            (
                Query(
                    share(
                        f"sum({grown('dialogue_completions_total')})",
                        f"sum({grown('dialogue_sessions_total')})",
                    ),
                    "완료율",
                ),
            ),
            unit="percentunit",
            width=4,
            height=4,
            thresholds=good_from(target),
        ),
        _stat(
            "지금 열린 대화",
            "아직 끝나지 않았고 근거를 하나라도 찾은 세션 수. 끝난 세션은 0이거나 사라집니다.",
            f"count(active_evidence_gauge{{{OF_CATEGORY}}} > 0) or vector(0)",
        ),
        _stat(
            "LLM 호출",
            "표시 구간의 LLM 시도 횟수",
            f"sum(increase(llm_calls_total{{{OF_PROVIDER}}}[$__range]))",
        ),
        _stat(
            "LLM 토큰", "표시 구간의 토큰 수", f"sum(increase(llm_tokens_total{{{OF_PROVIDER}}}[$__range]))"
        ),
    )


JOURNEY = (
    Panel(
        "bargauge",
        "단계별 진입",
        "표시 구간에 각 단계에 들어온 사람 수. 위에서 아래로 줄어드는 모양이 깔때기입니다.",
        tuple(Query(steps(stage, "enter"), STAGE_NAMES[stage]) for stage in STAGES),
        unit=WHOLE,
        decimals=0,
    ),
    Panel(
        "bargauge",
        "단계별 이탈률",
        "각 단계에 들어왔지만 마치지 못한 비율. 지금 머무는 사람도 아직 마치지 못한 것으로 셉니다.",
        tuple(
            Query(
                f"clamp_min(1 - {share(steps(stage, 'complete'), steps(stage, 'enter'))}, 0)",
                STAGE_NAMES[stage],
                zero_is_fine=True,
            )
            for stage in STAGES
        ),
        unit="percentunit",
        most=1,
        thresholds=bad_from(0.5, warn=0.2),
    ),
    Panel(
        "bargauge",
        "처음부터 여기까지 온 비율",
        "제품을 고른 사람 가운데 각 단계에 들어온 비율",
        tuple(
            Query(share(steps(stage, "enter"), steps(STAGES[0], "enter")), STAGE_NAMES[stage])
            for stage in STAGES
        ),
        unit="percentunit",
    ),
    Panel(
        "timeseries",
        "단계별 진입과 완료 흐름",
        "초당 단계 진입과 완료 수. 진입 선과 완료 선의 사이가 그 단계에서 새는 양입니다.",
        (
            Query(
                f"sum by (stage, action) (rate(user_journey_stage_total{{{OF_CATEGORY}}}[$__rate_interval]))",
                "{{stage}} {{action}}",
            ),
        ),
        unit="cps",
        width=12,
        names=staged(ACTION_NAMES),
    ),
    Panel(
        "bargauge",
        "이탈한 단계와 이유",
        "표시 구간에 떠난 세션. 시간 초과는 30분 동안 답이 없었던 것입니다.",
        (
            Query(
                "sum by (stage, reason) (increase(session_abandoned_total[$__range]))",
                "{{stage}} {{reason}}",
            ),
        ),
        unit=WHOLE,
        width=12,
        decimals=0,
        thresholds=bad_from(10, warn=1),
        names=staged(REASON_NAMES),
    ),
)


def _scenarios(targets: Targets) -> tuple[Panel, ...]:
    return (
        Panel(
            "timeseries",
            "시나리오: 정상 흐름",
            "대화 시작, 답변, 완료가 함께 오르면 정상입니다 (분당).",
            tuple(
                Query(f"sum(rate({metric}{{{OF_CATEGORY}}}[1m])) * 60", name)
                for metric, name in (
                    ("dialogue_sessions_total", "시작"),
                    ("dialogue_turns_total", "답변"),
                    ("dialogue_completions_total", "완료"),
                )
            ),
        ),
        Panel(
            "timeseries",
            "시나리오: 실패하는 LLM 제공자",
            "error가 오르고 다음 제공자의 fallback이 이어받습니다 (분당). 대화는 그래도 끝납니다.",
            (
                Query(
                    f"sum by (provider, status) (rate(llm_calls_total{{{OF_PROVIDER}}}[1m])) * 60",
                    "{{provider}} {{status}}",
                ),
            ),
            links=(runbook("HighLLMErrorRate", "런북"),),
        ),
        Panel(
            "timeseries",
            "시나리오: 느린 LLM 제공자",
            "제공자별 p95 응답 시간. 점선은 HighLatency의 기준입니다.",
            (
                Query(
                    f"histogram_quantile(0.95, sum by (provider, le) "
                    f"(rate(llm_duration_seconds_bucket{{{OF_PROVIDER}}}[$__rate_interval])))",
                    "{{provider}}",
                ),
            ),
            unit="s",
            thresholds=bad_from(targets.limit("HighLatency")),
            links=(runbook("HighLatency", "런북"),),
        ),
        Panel(
            "timeseries",
            "시나리오: 오류 폭증",
            "상태 코드별 실패 요청 수 (초당). 5xx가 오르면 HighErrorRate가 뒤따릅니다.",
            (
                Query(
                    'sum by (status_code) (rate(http_requests_total{status_code=~"[45].."}[1m]))',
                    "{{status_code}}",
                ),
            ),
            unit="reqps",
            width=12,
            links=(runbook("HighErrorRate", "런북"),),
        ),
        Panel(
            "timeseries",
            "시나리오: 떠나는 고객",
            "이유별 이탈 (분당). 완료가 함께 멈추면 NoCompletions를 의심하세요.",
            (
                Query(
                    "sum by (reason) (rate(session_abandoned_total[1m])) * 60",
                    "{{reason}}",
                ),
            ),
            width=12,
            links=(runbook("NoCompletions", "런북"),),
        ),
    )


def _dialogues(targets: Targets) -> tuple[Panel, ...]:
    target = targets.objective("completion").target
    return (
        Panel(
            "timeseries",
            "시간당 신규 세션",
            "카테고리별로 한 시간에 시작되는 대화 수",
            (Query(per_hour("dialogue_sessions_total"), "{{category}}"),),
        ),
        Panel(
            "piechart",
            "카테고리별 세션 분포",
            "프로세스가 시작된 뒤 만들어진 세션의 카테고리별 몫",
            (Query(f"sum by (category) (dialogue_sessions_total{{{OF_CATEGORY}}})", "{{category}}"),),
        ),
        Panel(
            "timeseries",
            "세션당 평균 턴 수",
            "한 대화에서 주고받은 답변 수. 대화는 세 번에서 다섯 번 사이에 끝납니다.",
            (
                Query(
                    share("sum(rate(dialogue_turns_total[1h]))", "sum(rate(dialogue_sessions_total[1h]))"),
                    "평균 턴",
                ),
            ),
        ),
        Panel(
            "timeseries",
            "완료율 (1시간)",
            "최근 한 시간에 시작한 대화에 견준 완료. 점선은 slo.yaml의 목표입니다.",
            (
                Query(
                    share(
                        "sum(rate(dialogue_completions_total[1h]))", "sum(rate(dialogue_sessions_total[1h]))"
                    ),
                    "완료율",
                ),
            ),
            unit="percentunit",
            width=12,
            thresholds=good_from(target),
            links=(runbook("NoCompletions", "런북"),),
        ),
        Panel(
            "timeseries",
            "카테고리별 답변",
            "초당 답변 수",
            (
                Query(
                    f"sum by (category) (rate(dialogue_turns_total{{{OF_CATEGORY}}}[$__rate_interval]))",
                    "{{category}}",
                ),
            ),
            unit="cps",
            width=12,
        ),
    )


EVIDENCE = (
    Panel(
        "timeseries",
        "검색 한 번에 찾은 근거",
        "카테고리별 평균 근거 수. 0에 가까우면 리뷰가 모자라거나 질문이 어긋난 것입니다.",
        (
            Query(
                f"sum by (category) (rate(evidence_count_sum{{{OF_CATEGORY}}}[5m])) /\n"
                f"sum by (category) (rate(evidence_count_count{{{OF_CATEGORY}}}[5m]))",
                "{{category}}",
            ),
        ),
    ),
    Panel(
        "timeseries",
        "열린 대화가 쥔 근거",
        "지금 열린 대화들이 쥐고 있는 근거 수의 합. 대화가 끝나면 사라집니다.",
        (Query(f"sum by (category) (active_evidence_gauge{{{OF_CATEGORY}}} > 0)", "{{category}}"),),
    ),
    Panel(
        "timeseries",
        "근거가 없는 검색",
        "근거를 하나도 찾지 못한 검색의 비율",
        (
            Query(
                f'sum by (category) (rate(evidence_count_bucket{{{OF_CATEGORY},le=~"0(\\\\.0)?"}}[5m])) /\n'
                f"sum by (category) (rate(evidence_count_count{{{OF_CATEGORY}}}[5m]))",
                "{{category}}",
                zero_is_fine=True,
            ),
        ),
        unit="percentunit",
        most=1,
        thresholds=bad_from(0.5, warn=0.2),
    ),
    _stat("분석한 제품", "표시 구간의 제품 분석 횟수", f"sum({grown('product_analysis_total')})"),
    _stat("처리한 리뷰", "표시 구간에 읽고 점수를 매긴 리뷰 수", f"sum({grown('reviews_processed_total')})"),
    _stat("맞은 후회 요인", "표시 구간에 리뷰와 맞은 후회 요인 수", f"sum({grown('factors_matched_total')})"),
)
