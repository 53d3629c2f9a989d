"""Live runs: real machines, and the guard that keeps other runs away from them."""
