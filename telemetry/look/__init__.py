"""`telemetry look`: Grafana's dashboards and their Prometheus in a page of this process, read-only."""
