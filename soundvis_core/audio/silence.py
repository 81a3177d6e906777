"""When a recording says nothing: a threshold well under the noise of any microphone in use outdoors."""

from __future__ import annotations

import numpy as np

#: Below this level (dB relative to full scale, RMS without the offset) samples count as silent. The
#: quietest outdoor recordings at a usual gain lie at about -60 dBFS because of the recorder's own noise;
#: -70 dBFS is what a muted or unplugged microphone, or digital silence with dither, leaves.
SILENCE_DBFS = -70.0

#: The reason of a site whose whole recording is silent (its status is ``skipped``).
SILENT_REASON = f"the recording is silent (below {SILENCE_DBFS:.0f} dBFS)"


def level_dbfs(samples: np.ndarray) -> float:
    """RMS level of ``samples`` (any shape, full scale 1) in dB relative to full scale, offset removed.

    A constant offset is no sound (8-bit silence is often one step off zero), so it does not count.
    Digital silence and no samples at all give ``-inf``.
    """
    if samples.size == 0:
        return float("-inf")
    rms = float(np.std(samples, dtype=np.float64))
    return 20.0 * float(np.log10(rms)) if rms > 0.0 else float("-inf")


def is_silent(samples: np.ndarray, threshold: float = SILENCE_DBFS) -> bool:
    """Whether ``samples`` (full scale 1) lie below ``threshold`` dBFS; see :data:`SILENCE_DBFS`."""
    return level_dbfs(samples) < threshold
