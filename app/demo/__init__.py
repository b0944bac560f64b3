"""`reviewlens demo`: shoppers by script against a running stack, and what Prometheus made of them."""
