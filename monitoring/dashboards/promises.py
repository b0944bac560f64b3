"""약속한 수준과 알림: 운영 화면의 첫 두 줄. 숫자는 slo.yaml, 알림은 규칙 파일에서 옵니다."""

from __future__ import annotations

from monitoring.dashboards.model import Panel, Query, bad_from, good_from
from monitoring.dashboards.variables import runbook, runbook_of_row
from monitoring.targets import Limit, Objective, Rule, Targets

LEGENDS = {"provider": "{{provider}}", "category": "{{category}}", "service": "서비스 전체"}
SEVERITIES = {"critical": "심각", "warning": "경고"}


def promised(targets: Targets) -> tuple[Panel, ...]:
    """Every objective: what was reached, what is left of its error budget, how it went."""
    return (
        *(_achieved(objective, targets.window) for objective in targets.objectives),
        Panel(
            "bargauge",
            "남은 오류 예산",
            "목표가 허용하는 나쁜 사건 가운데 아직 남은 몫. 0보다 작으면 목표를 어긴 것입니다.",
            tuple(
                Query(objective.budget_left(targets.window), objective.title["ko"])
                for objective in targets.objectives
            ),
            unit="percentunit",
            width=8,
            least=-1,
            most=1,
            thresholds=good_from(0.25, warn=0),
        ),
        Panel(
            "timeseries",
            "목표별 달성률 (5분)",
            "각 순간 좋은 사건의 비율",
            tuple(
                Query(f"{objective.good.record} / {objective.all.record}", objective.title["ko"])
                for objective in targets.objectives
            ),
            unit="percentunit",
            width=16,
        ),
    )


def _achieved(objective: Objective, window: str) -> Panel:
    return Panel(
        "stat",
        objective.title["ko"],
        f"{objective.meaning['ko']}의 비율, 최근 {window}. 목표 {objective.target:.0%}.",
        (Query(objective.share(window), f"목표 {objective.target:.0%}"),),
        unit="percentunit",
        width=4,
        height=5,
        decimals=2,
        thresholds=good_from(objective.target),
    )


def alerts(rules: tuple[Rule, ...]) -> tuple[Panel, ...]:
    """Alerts now and before, and the runbook of each."""
    return (
        Panel(
            "stat",
            "발생 중인 알림",
            "지금 발생 중인 알림의 수",
            (Query('count(ALERTS{alertstate="firing"}) or vector(0)', "발생 중"),),
            width=4,
            thresholds=bad_from(1),
        ),
        Panel(
            "stat",
            "대기 중인 알림",
            "조건은 맞지만 정해진 시간(for)이 아직 지나지 않은 알림의 수",
            (Query('count(ALERTS{alertstate="pending"}) or vector(0)', "대기 중", zero_is_fine=True),),
            width=4,
            thresholds=bad_from(5, warn=1),
        ),
        Panel(
            "table",
            "알림 목록",
            "대기 중이거나 발생 중인 알림. 줄을 누르면 런북이 열립니다.",
            (Query("sum by (alertname, alertstate, severity, area) (ALERTS)", "{{alertname}}"),),
            width=8,
            links=(runbook_of_row("런북 열기"),),
        ),
        Panel(
            "statetimeline",
            "알림 이력",
            "표시 구간에 알림이 발생한 때",
            (Query('max by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),),
            width=8,
            thresholds=bad_from(1),
        ),
        Panel("text", "런북", "알림마다 새벽 3시에 읽을 한 쪽", width=24, height=9, text=_runbooks(rules)),
    )


def _runbooks(rules: tuple[Rule, ...]) -> str:
    head = "| 알림 | 심각도 | 지속 | 런북 |\n| --- | --- | --- | --- |\n"
    lines = dict.fromkeys(
        f"| {rule.name} | {SEVERITIES[rule.labels['severity']]} | {rule.hold} | [{link.title}]({link.url}) |"
        for rule in rules
        if rule.is_alert
        for link in (runbook(rule.name, "런북"),)
    )
    return head + "\n".join(lines) + "\n"


def measure_of(limit: Limit) -> Panel:
    """What an alert watches, with its limit as a line."""
    measure = str(limit.measure)
    return Panel(
        "timeseries",
        limit.alert,
        f"{limit.alert}이(가) 지켜보는 값. 점선은 slo.yaml의 기준입니다.",
        (Query(measure, LEGENDS[measure.partition(":")[0]]),),
        unit=limit.unit,
        width=8,
        height=7,
        thresholds=bad_from(limit.limit),
        links=(runbook(limit.alert, "런북"),),
    )
