"""What the federation believes about names: paths, observations, their merge, and the fan-out machine. Pure."""
