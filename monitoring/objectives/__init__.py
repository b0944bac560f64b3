"""Rules of the objectives in slo.yaml: rates, shares over many windows, alerts on a burning budget."""
