"""`make soak`: the real service under real traffic, disturbed by schedule, every number held to account."""
