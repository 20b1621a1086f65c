"""What every area stands on: errors, tasks, clocks and the rules for URLs. Imports the standard library and lxml."""
