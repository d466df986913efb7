"""The training lab: compare schedules fairly, on toy models, in seconds."""

from lrcourse.lab.stats import Interval, Paired, interval, paired

__all__ = ["Interval", "Paired", "interval", "paired"]
