"""Embed recordings."""

from __future__ import annotations

from ...layers.sinks import FieldSpec, integer, number
from .fields import prefix_of
from .files import EmbedFiles


class EmbedSound(EmbedFiles):
    """``soundvis:embedsound``."""

    ID = "embedsound"
    LABEL = "Embed recordings"
    SUMMARY = (
        "Describes the recording of each site by an embedding: a vector of numbers that is alike for places that "
        "sound alike.\n"
        "WAV, FLAC, OGG, MP3 and the M4A/AAC of phones are read, mixed to mono and cut into 10-second windows "
        "(a last window of 1 second or more counts); the site's embedding is the mean over its windows. Recordings "
        "of any length are streamed. A recording that cannot be used marks its site with a status and a reason; "
        "the run goes on. Silent recordings are skipped.\n"
        "The model 'ast-audioset' is the paper's: the Audio Spectrogram Transformer, trained on AudioSet; 768 "
        "numbers. It runs in SoundVis' own Python environment ('Set up the environment') on weights that "
        "'Download models' brings. What it hears is kept: a second run, or 'BGA of recordings' of the same files, "
        "takes seconds.\n"
        "The model 'acoustic-features' is a baseline without weights: log-mel statistics, spectral shape, "
        "modulation and acoustic indices."
    )
    WHAT = "recording"
    JOB = "embed-recordings"
    TASK = "embed-audio"
    MODEL_HELP = (
        "What describes the sound. ast-audioset: the paper's model, a trained transformer (needs environment and "
        "weights). acoustic-features: signal statistics, nothing to download."
    )
    DEFAULT_FIELD = "snd_emb"

    def measures(self) -> list[FieldSpec]:
        prefix = prefix_of(self._field)
        return [
            integer(prefix + "windows", "Windows of the recording", "number of 10-s windows averaged"),
            number(prefix + "seconds", "Length heard (s)", "seconds of the recording in those windows"),
        ]
