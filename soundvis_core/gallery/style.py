"""The looks of the gallery, on screen and on paper, beyond those of every page."""

from __future__ import annotations

CSS = """
body { font-size: 15px; line-height: 1.5; }
main { max-width: 1180px; }
.lead { margin: 10px 0 0; color: #3b4541; max-width: 88ch; }
nav { margin: 16px 0 0; font-size: 14px; }
nav a { display: inline-block; margin: 0 20px 6px 0; color: #1d2321; }
h2 { margin-bottom: 4px; }
h2 i, nav i { display: inline-block; width: .75em; height: .75em; margin-right: 8px; border-radius: 2px; }
.what { margin: 0 0 14px; color: #56605c; max-width: 88ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 20px; }
article { border: 1px solid #d4dad7; border-top: 4px solid var(--quadrant); padding: 12px 16px 14px; }
article header { display: flex; gap: 12px; align-items: baseline; }
h3 { margin: 0; font-size: 15.5px; flex: 1; overflow-wrap: anywhere; }
.apart { color: #56605c; font-size: 13.5px; white-space: nowrap; }
.measures { display: grid; grid-template-columns: auto auto 1fr; gap: 3px 10px; margin: 8px 0 12px; align-items: center;
  font-size: 13.5px; }
.measures b { font-variant-numeric: tabular-nums; text-align: right; }
.z { position: relative; height: 8px; background: #e9edeb; }
.z::after { content: ""; position: absolute; left: 50%; top: -3px; bottom: -3px; border-left: 1px solid #56605c; }
.z i { position: absolute; top: 0; bottom: 0; background: #3b5b5b; }
.measures small { grid-column: 3; margin-top: -4px; font-size: 12px; color: #56605c; }
.sites { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.site h4 { margin: 0 0 6px; font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
.site h4 span { font-weight: normal; color: #56605c; }
figure { margin: 0 0 8px; }
figure img { display: block; width: 100%; height: auto; max-height: 300px; object-fit: contain; background: #eef1ef; }
figcaption { font-size: 12px; color: #56605c; }
audio { display: block; width: 100%; height: 36px; }
.missing { display: flex; align-items: center; justify-content: center; padding: 10px 12px; margin: 0;
  background: #eef1ef; color: #56605c; font-size: 13px; text-align: center; overflow-wrap: anywhere; }
.site .missing { aspect-ratio: 4 / 3; }
.site .sound .missing { aspect-ratio: auto; min-height: 36px; }
@media print {
  body { font-size: 9.5pt; }
  audio { display: none; }
  .what { break-after: avoid; }
  .cards { grid-template-columns: 1fr 1fr; gap: 10px; }
  /* Two rows of cards, with the title of a quadrant, on a page of A4. */
  article { break-inside: avoid; padding: 6px 10px; }
  .measures { margin: 4px 0 6px; }
  figure { margin-bottom: 4px; }
  figure img { max-height: 27mm; }
  h2 { margin-top: 12px; }
  article, h2 i, .z, .z i, figure img, .missing { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
