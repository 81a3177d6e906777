"""SegEarth-OV: land cover from class names, by CLIP's features at pixel sharpness (arXiv 2410.01768)."""
