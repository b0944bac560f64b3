"""Boards into Grafana's own model (grafana-foundation-sdk), and that into the same JSON on every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    piechart,
    prometheus,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from monitoring.dashboards import exemplars
from monitoring.dashboards.model import Dashboard, DashboardVariable, Panel, Query, Thresholds

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
INSTANT = {"bargauge", "piechart", "table"}
FORMATS = {"table": PromQueryFormat.TABLE, "heatmap": PromQueryFormat.HEATMAP}
ROW_ID = 1000
WIDTH = 24


def to_json(board: Dashboard) -> str:
    """The dashboard file's text."""
    return json.dumps(build(board), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def build(board: Dashboard) -> model.Dashboard:
    """The board in Grafana's model, laid out from left to right."""
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.file)
        .description(board.description)
        .tags(list(board.tags))
        .time(board.since, "now")
        .refresh(board.refresh)
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(_datasource())
        .link(_other_boards())
    )
    for variable in board.variables:
        builder.with_variable(_variable(variable))
    number = 0
    for at, row in enumerate(board.rows):
        builder.with_row(dashboard.Row(row.title).id(ROW_ID + at))
        for panel in row.panels:
            number += 1
            builder.with_panel(_panel(panel).id(number))
    built = builder.build()
    _lay_out(built.panels or [])
    return built


def _lay_out(panels: Iterable[Any]) -> None:
    """From left to right; one that has no room beside the others begins a line below them. The builder's own
    layout puts it over the right edge, and the next line over it."""
    x = y = tallest = 0
    for panel in panels:
        place = panel.grid_pos
        if x + place.w > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        place.x, place.y = x, y
        x, tallest = x + place.w, max(tallest, place.h)


def _datasource() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _other_boards() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("ReviewLens").type(model.DashboardLinkType.DASHBOARDS)
    return link.tags(["reviewlens"]).as_dropdown(True).keep_time(True).include_vars(True)


def _variable(variable: DashboardVariable) -> Any:
    if variable.label_of is None:
        box = dashboard.TextBoxVariable(variable.name).default_value(variable.default)
        box.current(model.VariableOption(text=variable.default, value=variable.default, selected=True))
        return box.label(variable.label).description(variable.description)
    metric, label = variable.label_of
    return (
        dashboard.QueryVariable(variable.name)
        .label(variable.label)
        .description(variable.description)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({metric}, {label})", "refId": variable.name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(text="All", value="$__all", selected=True))
    )


def _panel(panel: Panel) -> Any:
    builder = _SHAPES[panel.kind](panel)
    builder.title(panel.title).description(panel.description).span(panel.width).height(panel.height)
    if panel.kind == "text":
        return builder
    builder.datasource(DATASOURCE).unit(panel.unit).thresholds(_thresholds(panel.thresholds))
    for ref, query in zip(ascii_uppercase, panel.queries, strict=False):
        builder.with_target(_target(query, ref, panel))
    for setting, value in (("min", panel.least), ("max", panel.most), ("decimals", panel.decimals)):
        if value is not None:
            getattr(builder, setting)(value)
    builder.overrides([_named(line, shown) for line, shown in panel.names.items()])
    if panel.links:
        links = [dashboard.DashboardLink(link.title).url(link.url).target_blank(True) for link in panel.links]
        (builder.data_links if panel.kind == "table" else builder.links)(links)
    return builder


def _target(query: Query, ref: str, panel: Panel) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref)
    target.datasource(DATASOURCE).format(FORMATS.get(panel.kind, PromQueryFormat.TIME_SERIES))
    if exemplars.wanted(panel, query.expr):
        target.exemplar(True)
    return target.instant() if panel.kind in INSTANT else target.range()


def _named(line: str, shown: str) -> dashboard.DashboardFieldConfigSourceOverrides:
    name = model.DynamicConfigValue(id_val="displayName", value=shown)
    matcher = model.MatcherConfig(id_val="byName", options=line)
    return dashboard.DashboardFieldConfigSourceOverrides().matcher(matcher).properties([name])


def _thresholds(thresholds: Thresholds) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(value=None, color=thresholds.base)]
    steps += [model.Threshold(value=value, color=color) for value, color in thresholds.steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _legend(*calcs: str) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM)
    return legend.display_mode(common_model.LegendDisplayMode.TABLE).calcs(list(calcs))


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def _timeseries(panel: Panel) -> timeseries.Panel:
    mode = common_model.GraphThresholdsStyleMode
    style = mode.DASHED if panel.thresholds.drawn else mode.OFF
    return (
        timeseries.Panel()
        .legend(_legend("mean", "max", "lastNotNull"))
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        .line_width(2)
        .fill_opacity(10)
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
    )


def _stat(_: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(_last())
        .graph_mode(common_model.BigValueGraphMode.AREA)
        .color_mode(common_model.BigValueColorMode.VALUE)
    )


def _bargauge(_: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(_last())
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
    )


def _piechart(_: Panel) -> piechart.Panel:
    legend = piechart.PieChartLegendOptions().show_legend(True).placement(common_model.LegendPlacement.RIGHT)
    legend.display_mode(common_model.LegendDisplayMode.TABLE)
    return piechart.Panel().reduce_options(_last()).legend(legend)


def _table(_: Panel) -> table.Panel:
    columns = {"Time": True, "__name__": True}
    organize = model.DataTransformerConfig(id_val="organize", options={"excludeByName": columns})
    return table.Panel().with_transformation(organize).show_header(True)


def _heatmap(panel: Panel) -> heatmap.Panel:
    axis = heatmap.YAxisConfig().unit(panel.unit)
    return heatmap.Panel().calculate(False).y_axis(axis).show_legend()


def _statetimeline(_: Panel) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(common_model.VisibilityMode.NEVER)
        .legend(_legend())
    )


def _text(panel: Panel) -> text.Panel:
    return text.Panel().mode(TextMode.MARKDOWN).content(panel.text)


_SHAPES: Mapping[str, Callable[[Panel], Any]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "bargauge": _bargauge,
    "piechart": _piechart,
    "table": _table,
    "heatmap": _heatmap,
    "statetimeline": _statetimeline,
    "text": _text,
}
