"""Tools that say which recordings and photos a study had better do without."""
