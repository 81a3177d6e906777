"""The looks of the report, on screen and on paper."""

from __future__ import annotations

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f2; color: #1d2321;
  font: 16px/1.55 "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 48px 56px 64px; background: #fff; }
header { border-bottom: 3px solid #1d2321; margin-bottom: 28px; padding-bottom: 18px; }
.kind { margin: 0 0 6px; font-size: 13px; letter-spacing: .08em; text-transform: uppercase; color: #56605c; }
h1 { margin: 0; font-size: 34px; line-height: 1.2; overflow-wrap: anywhere; }
.question { margin: 8px 0 0; font-size: 19px; color: #3b4541; }
h2 { margin: 40px 0 12px; font-size: 21px; }
.summary { background: #eef3f1; border-left: 5px solid #009e73; padding: 4px 24px 12px; }
.summary h2 { margin-top: 14px; }
.summary ul { margin: 0; padding-left: 20px; }
.summary li { margin: 7px 0; }
.summary h3 { margin: 16px 0 4px; font-size: 15px; }
.summary .minded { font-size: 14.5px; color: #3b4541; }
sup { font-size: 78%; line-height: 0; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
.lead { margin: 0 0 8px; font-size: 14px; color: #56605c; }
th, td { padding: 7px 10px; text-align: left; vertical-align: top; border-bottom: 1px solid #dfe3e1;
  overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #1d2321; vertical-align: bottom; }
thead small { display: block; font-weight: normal; color: #56605c; font-size: 11.5px; line-height: 1.3; }
tbody th { font-weight: normal; }
tr.group th { padding-top: 16px; font-weight: bold; border-bottom-color: #9aa5a0; }
.results td, .results tbody th { white-space: nowrap; }
.results thead th:nth-child(n+2):nth-child(-n+7), td.number { text-align: right; }
.results thead th:nth-child(6), .results thead th:nth-child(7) { width: 118px; }
.results thead th { overflow-wrap: normal; }
.results tr.group th, .results td.note { white-space: normal; }
td.number { font-variant-numeric: tabular-nums; }
td.note { color: #56605c; min-width: 90px; }
.provenance th { width: 200px; color: #56605c; }
figure { margin: 0; }
figcaption { margin-top: 8px; font-size: 14px; color: #56605c; }
figure svg { display: block; width: 100%; height: auto; }
.panels { display: grid; grid-template-columns: 1fr 1fr; gap: 22px 28px; }
.method { font-size: 15px; }
@media (max-width: 720px) {
  main { padding: 24px 18px; }
  .panels { grid-template-columns: 1fr; }
  .results { display: block; overflow-x: auto; }
}
@page { size: A4; margin: 16mm 15mm; }
@media print {
  body { background: #fff; font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  table { font-size: 8.8pt; }
  h2, h3, .lead { break-after: avoid; }
  p { orphans: 3; widows: 3; }
  tr, .panels > div, .wide, .summary { break-inside: avoid; }
  thead { display: table-header-group; }
  .summary, figure { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
