"""The literature behind the numbers of the report."""

from __future__ import annotations

#: Key, as it is cited in the method section: the reference and its DOI, "" where it has none.
REFERENCES = {
    "mantel": (
        (
            "Mantel, N. (1967). The detection of disease clustering and a generalized regression "
            "approach. Cancer Research 27, 209\u2013220."
        ),
        "",
    ),
    "smouse": (
        (
            "Smouse, P. E., Long, J. C., Sokal, R. R. (1986). Multiple regression and correlation "
            "extensions of the Mantel test of matrix correspondence. Systematic Zoology 35, 627\u2013632."
        ),
        "10.2307/2413122",
    ),
    "crabot": (
        (
            "Crabot, J., Clappe, S., Dray, S., Datry, T. (2019). Testing the Mantel statistic with a "
            "spatially-constrained permutation procedure. Methods in Ecology and Evolution 10, 532\u2013540."
        ),
        "10.1111/2041-210X.13141",
    ),
    "wagner": (
        (
            "Wagner, H. H., Dray, S. (2015). Generating spatially constrained null models for "
            "irregularly spaced data using Moran spectral randomization methods. Methods in Ecology and "
            "Evolution 6, 1169\u20131178."
        ),
        "10.1111/2041-210X.12407",
    ),
    "holm": (
        (
            "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian "
            "Journal of Statistics 6, 65\u201370."
        ),
        "",
    ),
    "bh": (
        (
            "Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate: a practical and "
            "powerful approach to multiple testing. Journal of the Royal Statistical Society B 57, "
            "289\u2013300."
        ),
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "efron": (
        (
            "Efron, B. (1979). Bootstrap methods: another look at the jackknife. Annals of Statistics "
            "7, 1\u201326."
        ),
        "10.1214/aos/1176344552",
    ),
    "kriegeskorte": (
        (
            "Kriegeskorte, N., Mur, M., Bandettini, P. (2008). Representational similarity analysis \u2013 "
            "connecting the branches of systems neuroscience. Frontiers in Systems Neuroscience 2, 4."
        ),
        "10.3389/neuro.06.004.2008",
    ),
    "cochran": (
        (
            "Cochran, W. G. (1954). The combination of estimates from different experiments. Biometrics "
            "10, 101\u2013129."
        ),
        "10.2307/3001666",
    ),
    "welch": (
        (
            "Welch, B. L. (1951). On the comparison of several mean values: an alternative approach. "
            "Biometrika 38, 330\u2013336."
        ),
        "10.1093/biomet/38.3-4.330",
    ),
    "higgins": (
        (
            "Higgins, J. P. T., Thompson, S. G., Deeks, J. J., Altman, D. G. (2003). Measuring "
            "inconsistency in meta-analyses. BMJ 327, 557\u2013560."
        ),
        "10.1136/bmj.327.7414.557",
    ),
    "spearman": (
        (
            "Spearman, C. (1904). The proof and measurement of association between two things. American "
            "Journal of Psychology 15, 72\u2013101."
        ),
        "10.2307/1412159",
    ),
    "aitchison": (
        (
            "Aitchison, J. (1982). The statistical analysis of compositional data. Journal of the Royal "
            "Statistical Society B 44, 139\u2013177."
        ),
        "10.1111/j.2517-6161.1982.tb01195.x",
    ),
}
