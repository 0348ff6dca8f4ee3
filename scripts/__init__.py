"""Programs that make parts of this repository: `python -m scripts.settings`."""
