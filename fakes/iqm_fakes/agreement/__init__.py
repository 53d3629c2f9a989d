"""How well the fake predicts: its exact distributions beside what was measured."""
