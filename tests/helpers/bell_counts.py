"""A Bell state: its distribution, counts that are like it, and counts that are not."""

BELL = {"00": 0.5, "11": 0.5}
GOOD = {"00": 490, "11": 470, "01": 25, "10": 15}
BAD = {"00": 480, "01": 520}
