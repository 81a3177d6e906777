"""The three colours of BGA, and the mixtures between them.

Bluish green, blue and vermilion of the Okabe-Ito set, told apart with every common colour vision.
"""

from __future__ import annotations

RGB = tuple[int, int, int]

BIOPHONY: RGB = (0, 158, 115)
GEOPHONY: RGB = (0, 114, 178)
ANTHROPHONY: RGB = (213, 94, 0)
UNKNOWN: RGB = (150, 150, 150)


def mix(bio: float, geo: float, ant: float) -> RGB | None:
    """The mixture of the three colours by the shares of a composition; None where all are zero."""
    total = bio + geo + ant
    if total <= 0:
        return None
    red, green, blue = (
        round((bio * b + geo * g + ant * a) / total) for b, g, a in zip(BIOPHONY, GEOPHONY, ANTHROPHONY)
    )
    return red, green, blue


def mix_expression(bio: str, geo: str, ant: str) -> str:
    """The same as a QGIS expression over three fields, so that a style works without the plugin."""
    fields = [f'"{name}"' for name in (bio, geo, ant)]
    channels = [
        "("
        + " + ".join(
            f"{field}*{colour[channel]}" for field, colour in zip(fields, (BIOPHONY, GEOPHONY, ANTHROPHONY))
        )
        + f") / ({' + '.join(fields)})"
        for channel in range(3)
    ]
    return f"color_rgb({', '.join(channels)})"
