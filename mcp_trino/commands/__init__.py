"""The commands of the console script but those that only serve."""
