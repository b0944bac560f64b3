"""The dashboards as code; `python -m monitoring.dashboards` writes them, `--check` tells which is stale."""
