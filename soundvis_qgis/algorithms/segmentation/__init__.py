"""Tools that turn rasters and photos into land cover classes."""
