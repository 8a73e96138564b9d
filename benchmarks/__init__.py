"""Side by side with other tools; not installed."""
