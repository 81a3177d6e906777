"""What marks a parameter, and choices that tools of several groups offer."""

from __future__ import annotations

ADVANCED, OPTIONAL = "advanced", "optional"
REMOTE = ["remoteclip-vit-l-14", "remoteclip-vit-b-32", "remoteclip-rn50"]
COVER_CODES = ["class names", "table-1", "worldcover", "corine", "openearthmap", "loveda"]
AGREEMENTS = ["cosine", "hellinger", "jensen-shannon", "aitchison"]
