"""What the demos of the programs have in common: processes they own, steps with claims, and how those look in a terminal."""
