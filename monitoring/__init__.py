"""What is asked of the numbers: scrape configs, rules, objectives, dashboards."""
