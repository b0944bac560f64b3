"""reviewlens-production-kr-v2: 운영 화면. SLA, 알림, HTTP, LLM, 파이프라인."""

from __future__ import annotations

from monitoring.dashboards.http import ALL, ERROR_RATE, quantile
from monitoring.dashboards.model import Dashboard, Panel, PanelRow, Query, bad_from, good_from, share
from monitoring.dashboards.promises import alerts, measure_of, promised
from monitoring.dashboards.streams import STREAMS
from monitoring.dashboards.variables import (
    CATEGORY_KO,
    ENDPOINT_KO,
    PRICE_KO,
    PROMETHEUS_KO,
    PROVIDER_KO,
    runbook,
)
from monitoring.targets import Rule, Targets

OF_CATEGORY = 'category=~"$category"'
OF_ENDPOINT = 'endpoint=~"$endpoint"'
OF_PROVIDER = 'provider=~"$provider"'


def p95(metric: str, label: str, chosen: str) -> str:
    """The 95th percentile of a duration, by label, over 5 minutes."""
    return f"histogram_quantile(0.95,\n  sum by ({label}, le) (rate({metric}_bucket{{{chosen}}}[5m]))\n)"


def board(targets: Targets, rules: tuple[Rule, ...]) -> Dashboard:
    """The board, with objectives and limits from slo.yaml and the alerts of the rule files."""
    return Dashboard(
        file="reviewlens-production-kr-v2",
        title="ReviewLens: 운영",
        description="운영 화면: 약속한 수준(SLA), 알림, HTTP, LLM, 파이프라인, 관측 자체.",
        tags=("reviewlens", "production", "korean"),
        variables=(CATEGORY_KO, PROVIDER_KO, ENDPOINT_KO, PRICE_KO, PROMETHEUS_KO),
        since="now-6h",
        rows=(
            PanelRow(f"SLA (최근 {targets.window})", promised(targets)),
            PanelRow(
                "알림", (*alerts(rules), *(measure_of(limit) for limit in targets.limits if limit.measure))
            ),
            PanelRow("HTTP", _http(targets)),
            PanelRow("LLM API 성능", _llm(targets)),
            PanelRow("스트림", STREAMS),
            PanelRow("파이프라인", _pipeline(targets)),
            PanelRow("리뷰 가져오기", INGEST),
            PanelRow("관측 자체", SELF),
        ),
    )


def _http(targets: Targets) -> tuple[Panel, ...]:
    return (
        Panel(
            "timeseries",
            "요청 수 (RPS)",
            "초당 요청 수, 모든 엔드포인트와 인스턴스의 합",
            (Query(f"sum(rate({ALL}[1m]))", "전체"),),
            unit="reqps",
            width=6,
        ),
        Panel(
            "timeseries",
            "응답 시간 (p50/p95/p99)",
            "요청의 절반, 95%, 99%는 이보다 빠릅니다. 점선은 HighLatency의 기준입니다.",
            tuple(Query(quantile(q), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)),
            unit="s",
            width=6,
            thresholds=bad_from(targets.limit("HighLatency")),
        ),
        Panel(
            "timeseries",
            "오류율 (4xx + 5xx)",
            "실패한 요청의 백분율",
            (Query(f"(\n  {ERROR_RATE}\n) * 100", "4xx + 5xx"),),
            unit="percent",
            width=6,
            thresholds=bad_from(targets.limit("HighErrorRate") * 100),
        ),
        Panel(
            "timeseries",
            "엔드포인트별 요청",
            "초당 요청 수, 경로별",
            (Query(f"sum by (endpoint) (rate({ALL}{{{OF_ENDPOINT}}}[$__rate_interval]))", "{{endpoint}}"),),
            unit="reqps",
            width=6,
        ),
    )


def _llm(targets: Targets) -> tuple[Panel, ...]:
    failing = targets.limit("HighLLMErrorRate")
    tokens = f"sum by (provider, type) (rate(llm_tokens_total{{{OF_PROVIDER}}}[1h])) * 3600"
    return (
        Panel(
            "timeseries",
            "분당 LLM 호출",
            "제공자와 결과별 시도 횟수. 한 번의 평결에 여러 번 시도할 수 있습니다.",
            (
                Query(
                    f"sum by (provider, status) (rate(llm_calls_total{{{OF_PROVIDER}}}[1m])) * 60",
                    "{{provider}} {{status}}",
                ),
            ),
        ),
        Panel(
            "timeseries",
            "LLM 성공률과 오류율",
            "success는 첫 순위 제공자의 답, error는 실패한 시도, 나머지는 다음 순위의 답(fallback)입니다.",
            tuple(
                Query(
                    share(
                        f'sum(rate(llm_calls_total{{status="{status}"}}[5m]))',
                        "sum(rate(llm_calls_total[5m]))",
                    ),
                    name,
                )
                for status, name in (("success", "성공률"), ("error", "오류율"))
            ),
            unit="percentunit",
            most=1,
            thresholds=bad_from(failing),
            links=(runbook("HighLLMErrorRate", "런북"),),
        ),
        Panel(
            "piechart",
            "제공자별 호출 분포",
            "프로세스가 시작된 뒤의 시도 횟수",
            (Query(f"sum by (provider) (llm_calls_total{{{OF_PROVIDER}}})", "{{provider}}"),),
        ),
        Panel(
            "timeseries",
            "제공자별 p95 응답 시간",
            "시도 한 번의 시간, 실패한 것도 셉니다.",
            (Query(p95("llm_duration_seconds", "provider", OF_PROVIDER), "{{provider}}"),),
            unit="s",
            width=6,
            thresholds=bad_from(targets.limit("HighLatency")),
        ),
        Panel(
            "timeseries",
            "제공자별 평균 응답 시간",
            "시도 한 번의 평균 시간",
            (
                Query(
                    f"sum by (provider) (rate(llm_duration_seconds_sum{{{OF_PROVIDER}}}[5m])) /\n"
                    f"sum by (provider) (rate(llm_duration_seconds_count{{{OF_PROVIDER}}}[5m]))",
                    "{{provider}}",
                ),
            ),
            unit="s",
            width=6,
            thresholds=bad_from(targets.limit("HighLatency")),
        ),
        Panel(
            "timeseries",
            "시간당 토큰 사용량",
            "제공자가 보고한 토큰 수, 끊긴 스트림은 추정한 수. prompt는 보낸 것, completion은 받은 것입니다.",
            (Query(tokens, "{{provider}} {{type}}"),),
            width=6,
        ),
        Panel(
            "timeseries",
            "시간당 비용 추정",
            "토큰 사용량에 위에서 정한 1K 토큰당 가격을 곱한 값",
            (Query(f"({tokens} / 1000) * $price", "{{provider}} {{type}}"),),
            unit="currencyUSD",
            width=6,
        ),
    )


def _pipeline(targets: Targets) -> tuple[Panel, ...]:
    return (
        Panel(
            "timeseries",
            "근거 검색 p95",
            "카테고리별 근거 검색 시간. 점선은 SlowRetrieval의 기준입니다.",
            (Query(p95("retrieval_duration_seconds", "category", OF_CATEGORY), "{{category}}"),),
            unit="s",
            thresholds=bad_from(targets.limit("SlowRetrieval")),
            links=(runbook("SlowRetrieval", "런북"),),
        ),
        Panel(
            "timeseries",
            "점수 계산 p95",
            "카테고리별 후회 요인 점수 계산 시간",
            (Query(p95("scoring_duration_seconds", "category", OF_CATEGORY), "{{category}}"),),
            unit="s",
            thresholds=bad_from(1, warn=0.5),
        ),
        Panel(
            "timeseries",
            "컴포넌트별 오류",
            "초당 오류 수. telemetry가 보이면 숫자 일부를 잃은 것입니다.",
            (
                Query(
                    "sum by (component, error_type) (rate(errors_total[5m])) > 0",
                    "{{component}} {{error_type}}",
                ),
            ),
            unit="cps",
            links=(runbook("TelemetryFaults", "런북"),),
        ),
        Panel(
            "timeseries",
            "처리량",
            "초당 제품 분석, 처리한 리뷰, 맞은 후회 요인",
            tuple(
                Query(f"sum(rate({metric}{{{OF_CATEGORY}}}[$__rate_interval]))", name)
                for metric, name in (
                    ("product_analysis_total", "제품 분석"),
                    ("reviews_processed_total", "처리한 리뷰"),
                    ("factors_matched_total", "맞은 후회 요인"),
                )
            ),
            unit="cps",
            width=12,
        ),
        Panel(
            "timeseries",
            "대화 시작과 완료",
            "초당 시작, 답변, 완료한 대화",
            tuple(
                Query(f"sum(rate({metric}{{{OF_CATEGORY}}}[$__rate_interval]))", name)
                for metric, name in (
                    ("dialogue_sessions_total", "시작"),
                    ("dialogue_turns_total", "답변"),
                    ("dialogue_completions_total", "완료"),
                )
            ),
            unit="cps",
            width=12,
            links=(runbook("NoCompletions", "런북"),),
        ),
    )


# Scraped from the crawl script, the slowest of all: $__rate_interval is too short here.
INGEST = (
    Panel(
        "timeseries",
        "가져온 줄",
        "5분 동안 읽은 줄 수, 종류와 결과별. skipped는 오류가 있어 건너뛴 줄입니다.",
        (Query("sum by (kind, result) (increase(ingest_rows_total[5m])) > 0", "{{kind}} {{result}}"),),
    ),
    Panel(
        "timeseries",
        "가져오기 시간 p95",
        "가져오기 한 번에 걸린 시간",
        (Query("histogram_quantile(0.95, sum by (le) (rate(ingest_duration_seconds_bucket[5m])))", "p95"),),
        unit="s",
        thresholds=bad_from(60, warn=30),
    ),
    Panel(
        "timeseries",
        "읽은 양",
        "초당 읽은 바이트",
        (Query("sum(rate(ingest_bytes_total[5m]))", "읽기"),),
        unit="Bps",
    ),
)

SELF = (
    Panel(
        "bargauge",
        "수집 대상",
        "1이면 응답, 0이면 무응답. crawl-script는 가져오는 동안에만 응답합니다.",
        (Query("min by (job) (last_over_time(up[1m]))", "{{job}}"),),
        width=6,
        most=1,
        thresholds=good_from(1),
        links=(runbook("TargetDown", "런북"), runbook("NoTelemetry", "런북")),
    ),
    Panel(
        "timeseries",
        "수집 시간",
        "대상 하나를 읽는 데 걸린 시간",
        (Query("max by (job) (scrape_duration_seconds)", "{{job}}"),),
        unit="s",
        width=6,
        thresholds=bad_from(10, warn=5),
    ),
    Panel(
        "timeseries",
        "시계열 수",
        "Prometheus가 지금 쥐고 있는 시계열과 대상별 샘플 수. 끝없이 오르면 레이블 값이 새는 것입니다.",
        (
            Query("sum(prometheus_tsdb_head_series)", "시계열"),
            Query("sum by (job) (scrape_samples_scraped)", "{{job}}"),
        ),
        width=6,
    ),
    Panel(
        "timeseries",
        "알림과 규칙의 실패",
        "5분 동안 전달하지 못한 알림과 평가에 실패한 규칙",
        (
            Query("sum(increase(prometheus_notifications_errors_total[5m]))", "전송 오류", zero_is_fine=True),
            Query(
                "sum(increase(prometheus_notifications_dropped_total[5m]))", "버린 알림", zero_is_fine=True
            ),
            Query(
                "sum(increase(prometheus_rule_evaluation_failures_total[5m]))", "규칙 실패", zero_is_fine=True
            ),
        ),
        width=6,
        thresholds=bad_from(1),
    ),
)
