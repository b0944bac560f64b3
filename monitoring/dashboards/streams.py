"""reviewlens-production-kr-v2의 한 줄: 스트림. 첫 바이트, 중단, 추정한 토큰."""

from __future__ import annotations

from monitoring.dashboards.model import Panel, Query

OF_ENDPOINT = 'endpoint=~"$endpoint"'
OF_PROVIDER = 'provider=~"$provider"'


def _p95(metric: str, label: str, chosen: str) -> str:
    return f"histogram_quantile(0.95,\n  sum by ({label}, le) (rate({metric}_bucket{{{chosen}}}[5m]))\n)"


def _hourly(metric: str, labels: str, chosen: str) -> str:
    return f"sum by ({labels}) (rate({metric}{{{chosen}}}[1h])) * 3600"


STREAMS = (
    Panel(
        "timeseries",
        "첫 바이트까지 p95",
        "스트림으로 답할 때 기다린 시간. 경로는 요청부터 첫 글자까지, 제공자는 시도부터 첫 이벤트까지입니다.",
        (
            Query(_p95("http_first_byte_seconds", "endpoint", OF_ENDPOINT), "{{endpoint}}"),
            Query(_p95("llm_first_byte_seconds", "provider", OF_PROVIDER), "{{provider}}"),
        ),
        unit="s",
    ),
    Panel(
        "timeseries",
        "시간당 중단된 스트림",
        "끝나기 전에 떠난 클라이언트, 그 때문에 멈춘 LLM 시도. 오류로 세지 않습니다.",
        (
            Query(_hourly("http_streams_aborted_total", "endpoint", OF_ENDPOINT), "{{endpoint}}"),
            Query(_hourly("llm_streams_aborted_total", "provider", OF_PROVIDER), "{{provider}}"),
        ),
    ),
    Panel(
        "timeseries",
        "시간당 추정한 토큰",
        "토큰 사용량 가운데 제공자가 알려 주기 전에 스트림이 끝나 글자 수로 추정한 부분",
        (
            Query(
                _hourly("llm_tokens_estimated_total", "provider, type", OF_PROVIDER), "{{provider}} {{type}}"
            ),
        ),
    ),
)
