"""Quantities as a reader says them."""


def human_size(size: int) -> str:
    """Bytes: 3.1 KB, 612 MB, 1.9 GB (powers of 1000)."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
    return f"{size} B"
