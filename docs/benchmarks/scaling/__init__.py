"""The parts of `make bench-scale`, each about one thing."""
