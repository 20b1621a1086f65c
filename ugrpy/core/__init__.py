"""What every area stands on: errors, tasks, clocks and the rules for URLs. Imports only the standard library."""
