"""The tools of the toolbox: a folder per group, a file per tool."""

from __future__ import annotations

from .composition.bgalandcover import BgaLandCover
from .composition.bgaraster import BgaRaster
from .composition.bgashares import BgaShares
from .composition.bgasites import BgaSites
from .composition.bgasound import BgaSound
from .composition.bgatable import BgaTable
from .composition.soundscapegrid import SoundscapeGrid
from .embedding.embedimagery import EmbedImagery
from .embedding.embedphotos import EmbedPhotos
from .embedding.embedsound import EmbedSound
from .screening.screenphotos import ScreenPhotos
from .screening.screenrecordings import ScreenRecordings
from .segmentation.segmentphotos import SegmentPhotos
from .segmentation.segmentraster import SegmentRaster
from .setup.checkenvironment import CheckEnvironment
from .setup.downloadmodels import DownloadModels
from .setup.setupenvironment import SetUpEnvironment
from .sites.cuttiles import CutTiles
from .sites.joinsites import JoinSites
from .sites.samplesites import SampleSites
from .sites.sitesfromphotos import SitesFromPhotos
from .sites.sitesfromrecordings import SitesFromRecordings
from .sites.timematch import TimeMatch
from .statistics.correlatelayers import CorrelateLayers
from .statistics.crossmodalcosine import CrossModalCosine
from .statistics.footprintsweep import FootprintSweep
from .statistics.noiseceiling import NoiseCeiling
from .statistics.powerplan import PowerPlan
from .statistics.sitealignment import SiteAlignment
from .statistics.sitepairs import SitePairs

ALGORITHMS = (
    SampleSites,
    SitesFromRecordings,
    SitesFromPhotos,
    JoinSites,
    CutTiles,
    ScreenRecordings,
    ScreenPhotos,
    TimeMatch,
    EmbedSound,
    EmbedPhotos,
    EmbedImagery,
    SegmentRaster,
    SegmentPhotos,
    BgaRaster,
    BgaSites,
    BgaLandCover,
    BgaShares,
    BgaSound,
    SoundscapeGrid,
    BgaTable,
    CorrelateLayers,
    CrossModalCosine,
    FootprintSweep,
    NoiseCeiling,
    PowerPlan,
    SiteAlignment,
    SitePairs,
    SetUpEnvironment,
    DownloadModels,
    CheckEnvironment,
)
