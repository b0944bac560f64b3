"""The scripts of the daily menu; the work behind them is scripts.stack."""
