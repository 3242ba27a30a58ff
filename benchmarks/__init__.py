"""The benchmark: cases by name, their models and peers, timing, and the report. scripts/bench is its command."""
