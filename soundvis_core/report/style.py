"""The looks of the report, on screen and on paper, beyond those of every page."""

from __future__ import annotations

CSS = """
main { max-width: 1020px; }
main > header { margin-bottom: 14px; }
.question { margin: 8px 0 0; font-size: 19px; color: #3b4541; overflow-wrap: anywhere; }
nav { margin: 0 0 24px; font-size: 13.5px; line-height: 1.9; }
nav a { color: #1d5c86; text-decoration: none; margin-right: 16px; white-space: nowrap; }
nav a:hover, nav a:focus { text-decoration: underline; }
h3 { margin: 22px 0 6px; font-size: 16px; }
.summary { background: #eef3f1; border-left: 5px solid #009e73; padding: 4px 24px 12px; }
.summary h2 { margin-top: 14px; }
.summary ul { margin: 0; padding-left: 20px; }
.summary li { margin: 7px 0; overflow-wrap: anywhere; }
.summary h3 { margin: 16px 0 4px; font-size: 15px; }
.summary .minded { font-size: 14.5px; color: #3b4541; }
sup { font-size: 78%; line-height: 0; }
.scroll { margin: 0 0 18px; }
.lead { margin: 0 0 8px; font-size: 14px; color: #56605c; max-width: 82ch; }
.lead b { color: #1d2321; }
thead th { border-bottom: 2px solid #1d2321; vertical-align: bottom; overflow-wrap: normal; }
small { display: block; font-weight: normal; color: #56605c; font-size: 11.5px; line-height: 1.3; }
.blocks tbody th { white-space: nowrap; }
tr.group th { padding-top: 16px; font-weight: bold; border-bottom-color: #9aa5a0; }
tr.total th, tr.total td { border-top: 1px solid #1d2321; font-weight: bold; }
tr.total small { font-weight: normal; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }
th i, .key i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px; }
tr.noted th, tr.noted td { border-bottom: 0; }
tr.note td { padding: 0 0 6px; font-size: 12px; color: #56605c; }
.results thead th:nth-child(n+2), .sites thead th:nth-child(n+2), .fusion thead th:nth-child(n+2),
.blocks thead th:nth-child(3), .blocks thead th:nth-child(5), .ladder thead th:nth-child(n+2),
.groups thead th:nth-child(n+2):nth-child(-n+6), .ceiling thead th:nth-child(n+2),
.bands thead th:nth-child(n+2):nth-child(-n+6) { text-align: right; }
.ladder td.read { background: #fff6d6; }
td small strong { color: #1d2321; }
.beside { color: #56605c; }
.bands tbody td, .bands tbody th { vertical-align: baseline; }
td.test { color: #56605c; font-size: 11px; white-space: nowrap; overflow-wrap: normal; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.results td, .results tbody th, .ladder td, .ladder tbody th { padding-top: 4px; padding-bottom: 4px; }
.results tr.group th, .ladder tr.group th { padding-top: 14px; }
.results td, .results th { padding-left: 5px; padding-right: 5px; }
.results th:first-child, .ladder th:first-child { padding-left: 0; }
th.under, .results th.under, .ladder th.under { padding-left: 14px; white-space: nowrap; }
.results tbody td, .results tbody th { vertical-align: baseline; }
.results thead th.words { text-align: left; }
.notes, .references { font-size: 12.5px; color: #3b4541; padding-left: 24px; margin: 6px 0 18px; }
.references li, .notes li { margin: 3px 0; overflow-wrap: anywhere; }
.reasons { font-size: 14px; margin: 0; padding-left: 20px; }
.rungs { font-size: 14px; margin: 0 0 14px; padding-left: 24px; }
.said th { width: 200px; }
.meter { display: block; width: 100%; min-width: 120px; height: 9px; margin-top: 5px; background: #e5e9e7; }
.meter i { display: block; height: 100%; background: #3b5b5b; }
td.bar { width: 34%; }
figure { margin: 0 0 12px; }
figcaption { margin-top: 8px; font-size: 13.5px; color: #56605c; max-width: 96ch; }
.key { margin-right: 12px; white-space: nowrap; color: #1d2321; }
figcaption b { color: #1d2321; font-weight: 600; }
figure svg { display: block; width: 100%; height: auto; }
figure svg text { font-family: "DejaVu Sans", Verdana, "Segoe UI", "Helvetica Neue", Arial, sans-serif !important; }
.panels { display: grid; grid-template-columns: 1fr 1fr; gap: 22px 28px; }
.wide + .wide { margin-top: 14px; }
.method { font-size: 15px; }
dl { margin: 0; }
dt { font-weight: 600; margin-top: 10px; }
dd { margin: 2px 0 0; max-width: 88ch; }
@media screen and (max-width: 760px) {
  .summary { padding: 4px 16px 10px; }
  .panels { grid-template-columns: 1fr; }
  .scroll, .wide { overflow-x: auto; }
  .wide svg { min-width: 620px; }
  .scroll > table { min-width: 620px; }
  .scroll > .plain, .scroll > .said, .scroll > .provenance { min-width: 0; }
  .said th { width: 130px; }
}
@media print {
  body { font-size: 10pt; }
  small, tr.note td { font-size: 7pt; }
  th, td { padding: 3px 4px; }
  .results td, .results tbody th, .ladder td, .ladder tbody th { padding-top: 2px; padding-bottom: 2px; }
  td.test { font-size: 7pt; }
  h2 { margin-top: 26px; }
  h3, .lead, tr.group, .rungs { break-after: avoid; }
  p, li { orphans: 3; widows: 3; }
  .lead:last-child { break-after: auto; }
  tr.group + tr { break-before: avoid; }
  .panels { display: block; }
  .panels > div { display: inline-block; width: 48.4%; margin: 0 3% 14px 0; vertical-align: top; }
  .panels > div:nth-child(2n) { margin-right: 0; }
  .panels > div, .wide, .kept, dt, h3, .lead { break-inside: avoid; }
  dt { break-after: avoid; }
  .summary { font-size: 9.5pt; padding: 1px 16px 6px; }
  .summary .minded, .summary h3 { font-size: 8.5pt; }
  .summary li { margin: 4px 0; }
  .rungs, .reasons { break-inside: avoid; }
  .results { font-size: 7.5pt; }
  tr.noted { break-after: avoid; }
  figure { break-inside: auto; }
  figcaption { break-before: avoid; font-size: 8.5pt; }
  thead { display: table-header-group; }
  .lead, .rungs, .reasons, .summary .minded, dl { font-size: 9pt; }
  .notes, .references { font-size: 8pt; }
  figure, td, i { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
