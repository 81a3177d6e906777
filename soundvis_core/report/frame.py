"""The frame of a page: one HTML file that needs nothing else, loads nothing, and prints on A4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .markup import escape, isolated, section, table

#: What all pages look like; each adds its own below.
_CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f2; color: #1d2321;
  font: 16px/1.55 "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { margin: 0 auto; padding: 48px 56px 64px; background: #fff; }
main > header { border-bottom: 3px solid #1d2321; padding-bottom: 18px; }
.kind { margin: 0 0 6px; font-size: 13px; letter-spacing: .08em; text-transform: uppercase; color: #56605c; }
h1 { margin: 0; font-size: 34px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 44px 0 12px; font-size: 21px; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; line-height: 1.4; }
th, td { padding: 6px 8px; text-align: left; vertical-align: top; border-bottom: 1px solid #dfe3e1;
  overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
tbody th { font-weight: normal; }
.provenance th { width: 200px; color: #56605c; }
@media screen and (max-width: 760px) {
  main { padding: 24px 18px; }
  h1 { font-size: 28px; }
  .provenance th { width: 110px; }
}
@page { size: A4; margin: 16mm 15mm; }
@media print {
  body { background: #fff; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  table { font-size: 8pt; }
  tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
  main { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""


def framed(kind: str, title: str, lead: str, navigation: str, body: str, css: str) -> str:
    """A page as HTML text.

    kind: what sort of page it is, in a few words. title: the user's, made safe here. lead: ready HTML below the title.
    navigation, body: ready HTML. css: the looks of this page. The policy in the head forbids the browser to load
    anything that is not in the file.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
media-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_CSS}{css}</style>
</head>
<body>
<main>
<header><p class="kind">{kind}</p><h1>{isolated(title)}</h1>
{lead}</header>
{f"<nav>{navigation}</nav>" if navigation else ""}
{body}
</main>
</body>
</html>
"""


def provenance_section(provenance: Mapping[str, str], further: Sequence[tuple[str, str]] = ()) -> str:
    """What made the numbers, by name and in this order; ``further``: rows of ready HTML below."""
    rows = [(isolated(name), isolated(text)) for name, text in provenance.items()]
    cells = "".join(
        f"<tr><th scope='row'>{name}</th><td>{text}</td></tr>\n" for name, text in (*rows, *further)
    )
    return section(
        "provenance", "Provenance", table("provenance", "", f"<tbody>{cells}</tbody>") if cells else ""
    )
