"""How requests reach storage elements: pools, limits, time-outs, and the mapping of foreign errors to ours."""
