"""Claims about counts that are right on noise: verdicts, p-values, shots to plan; numpy and scipy only."""
