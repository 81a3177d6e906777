"""Texts of the ready models that ``build_model.py`` writes."""

from __future__ import annotations

from collections.abc import Collection

ALIGNMENT = "sound_vision_alignment"
FROM_FOLDERS = "sound_vision_from_folders"

#: What each model does.
DESCRIPTION = {
    ALIGNMENT: (
        "<p>The whole journey from sites with recordings and street photos and a basemap to the correlation of "
        "sound and sight: embeds recordings, photos and the basemap around each site, segments photos and "
        "basemap, maps everything to biophony, geophony and anthrophony, and correlates.</p>"
    ),
    FROM_FOLDERS: (
        "<p>The whole journey from a folder of recordings, a folder of street photos and a basemap to the "
        "correlation of sound and sight. Every recording with a place becomes a site; each site gets the nearest "
        "photo; then recordings, photos and the basemap around each site are embedded, photos and basemap are "
        "segmented, everything is mapped to biophony, geophony and anthrophony, and correlated.</p>"
        "<p>Places come from the headers of the files, a table (CSV) beside them, or a GPX track: see 'Sites from "
        "recordings' and 'Sites from photos'. Files without a place are listed with the reason, if you ask for the "
        "two tables. A site with no photo near keeps its reason and counts where no photo is needed.</p>"
        "<p>The recorder's own place may be far off, and so may a phone's: look at the points before you trust "
        "the report.</p>"
    ),
}
#: Said where the folder of recordings gives no site.
NO_SITES = (
    "No recording in the folder has a place, so there is no site. The log tells why; a table (CSV) with the columns "
    "file, lat and lon beside the recordings, or a GPX track, gives them places."
)
#: Help of parameters by their name, and what holds of both models.
HELP = {
    "ALG_DESC": (
        "<p>It runs on the light models, with nothing to download. The paper's own models are a choice among the "
        "advanced parameters: ast-audioset for sound (embedding and BGA), clip-vit-l-14 and clipseg-rd64 (with "
        "the classes paper-street) for photos, remoteclip-vit-l-14 and segearth-ov for the basemap. They need the "
        "environment ('Set up the environment') and their weights ('Download models').</p>"
        "<p>To choose other steps, open its file in the model designer and save it under another name. It lies in "
        "the folder of your plugins: soundvis_qgis/resources/models/{name}.model3</p>"
    ),
    "ALG_CREATOR": "SoundVis",
    "SITES": "Point layer of the sites with the paths of their recordings and photos.",
    "RECORDINGS": "Folder of the recordings, with all folders in it. Those with a place become the sites.",
    "PHOTOS": "Folder of the street photos, with all folders in it.",
    "MAX_DISTANCE": "A site gets the nearest photo within this distance, in metres on the ground.",
    "TIME_ZONE": "Of times without one, of recordings, photos and tables: UTC, UTC+2, +05:30, or as Europe/London.",
    "RECORDINGS_TABLE": "CSV with places, times, licences or authors of recordings. Tables beside them are found.",
    "PHOTOS_TABLE": "CSV with places, times, licences or authors of photos. Tables beside them are found.",
    "TRACK": "GPX track that gives a place to recordings and photos without one, by their time.",
    "ONE_TO_ONE": "Each photo serves one site at most: sites that share one are alike by that alone.",
    "BASEMAP": "Aerial image or any other raster layer.",
    "RECORDING_FIELD": "Text field with the path of each site's recording.",
    "PHOTO_FIELD": "Text field with the path of each site's street photo.",
    "GROUP_FIELD": "Field with the city or district of each site; correlations are also given per group.",
    "BASE_FOLDER": "Folder that relative paths start at.",
    "FOOTPRINT": "Side of the square of imagery about each site, in metres on the ground.",
    "RADIUS": "Radius of the land cover circle about each site, in metres on the ground.",
    "SOUND_MODEL": "What describes recordings. acoustic-features: light; ast-audioset: the paper's.",
    "SOUND_METHOD": "How the BGA of recordings is found. ndsi: light; ast-audioset: the paper's.",
    "PHOTO_MODEL": "What describes photos. colour-texture: light; clip-vit-l-14: the paper's.",
    "PHOTO_CLASSES_MODEL": "What finds classes in photos. colour-index: light; clipseg-rd64: the paper's.",
    "PHOTO_CLASSES": "Classes of photos: colour-index for the light model, paper-street for the paper's, or a CSV.",
    "IMAGERY_MODEL": "What describes the basemap. colour-texture: light; remoteclip-vit-l-14: the paper's.",
    "LAND_COVER_MODEL": "What finds land cover. spectral-index: light; segearth-ov: the paper's.",
    "PERMUTATIONS": "Permutations of the Mantel test.",
    "SEED": "Start of the random numbers of the Mantel test.",
}


def help_of(model: str, parameters: Collection[str]) -> dict[str, str]:
    """The help of the model of this name, as QGIS keeps it."""
    return {
        "ALG_DESC": DESCRIPTION[model] + HELP["ALG_DESC"].format(name=model),
        "ALG_CREATOR": HELP["ALG_CREATOR"],
        **{name: HELP[name] for name in parameters},
    }
