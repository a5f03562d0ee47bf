/**
 * How the report looks, in light and dark. The colours are those of Okabe and Ito (Color Universal Design, 2008), which people tell apart
 * whatever colours their eyes see; in the dark they are lighter.
 *
 * @module
 */

/** The style sheet of the page. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fff; --card: #f5f6f8; --ink: #16191d; --quiet: #5c6570; --rule: #e2e5e9; --phase: #f8f1de; --phase-ink: #7a5a10;
  --first: #0072b2; --second: #c77800; --third: #00845f; --fourth: #a8578a; --late: #a8578a; --lost: #d0340a; --discarded: #8a929b;
  --network: #d5dae0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1e2226; --ink: #e8eaed; --quiet: #9aa4ae; --rule: #2b3036; --phase: #332c1c; --phase-ink: #d8b65a;
    --first: #56b4e9; --second: #e8a33a; --third: #2bc79a; --fourth: #e39ac6; --late: #e39ac6; --lost: #ff7a50; --discarded: #78818a;
    --network: #3a4148;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1280px; padding: 28px 28px 48px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums;
}
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 38px 0 2px; }
p { margin: 0 0 8px; max-width: 100ch; text-wrap: pretty; color: var(--quiet); }
dl.facts { display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 0 0 20px; font-size: 13px; }
dl.facts div { display: flex; gap: 6px; }
dl.facts dt { color: var(--quiet); }
dl.facts dd { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin: 0 0 18px; }
.tiles div { background: var(--card); border-radius: 8px; padding: 10px 14px; line-height: 1.35; }
.tiles b { display: block; font-size: 22px; line-height: 1.3; font-weight: 650; white-space: nowrap; }
.tiles span { color: var(--quiet); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 5px 12px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { font-weight: 500; color: var(--quiet); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td small { color: var(--quiet); font-size: 13px; padding-left: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 20px; margin: 4px 0 8px; padding: 0; list-style: none; font-size: 13px; }
.legend svg { width: 22px; height: 12px; margin-right: 6px; vertical-align: -1px; }
.chart { display: grid; grid-template-columns: 52px 1fr; margin: 0 0 4px; }
.chart figcaption { grid-column: 2; display: flex; gap: 16px; justify-content: space-between; font-size: 13px; min-height: 20px; }
.chart figcaption b { font-weight: 600; }
.chart figcaption small { color: var(--quiet); padding-left: 6px; font-size: 12px; font-weight: 400; }
.chart output { color: var(--quiet); text-align: right; }
.y, .x { position: relative; color: var(--quiet); font-size: 12px; line-height: 1; }
.y span { position: absolute; right: 8px; transform: translateY(-50%); }
.x { grid-column: 2; min-height: 6px; }
.x span { position: absolute; top: 5px; transform: translateX(-50%); white-space: nowrap; }
.x:has(span) { min-height: 22px; }
.plot { position: relative; border-left: 1px solid var(--quiet); border-bottom: 1px solid var(--quiet); }
.plot svg { display: block; width: 100%; height: 100%; overflow: hidden; }
.plot em { position: absolute; top: 3px; padding-left: 6px; font: 12px/1.3 inherit; font-style: normal; font-size: 12px; color: var(--phase-ink); white-space: nowrap; pointer-events: none; }
.hair { display: none; position: absolute; top: 0; bottom: 0; width: 1px; background: var(--ink); pointer-events: none; }
.read .hair { display: block; }
path { vector-effect: non-scaling-stroke; fill: none; stroke: currentColor; }
path.phase { fill: var(--phase); stroke: none; }
path.grid { stroke: var(--rule); stroke-width: 1px; }
path.line, path.steps { stroke-width: 1.75px; stroke-linejoin: round; }
path.dots { stroke-width: 3.2px; stroke-linecap: round; opacity: .6; }
path.squares { stroke-width: 5px; stroke-linecap: square; }
path.rug { stroke-width: 1.5px; }
path.area, path.bars, path.band { fill: currentColor; stroke: none; }
path.band { opacity: .18; }
.first { color: var(--first); } .second { color: var(--second); } .third { color: var(--third); } .fourth { color: var(--fourth); }
.ink { color: var(--ink); } .quiet { color: var(--network); }
.late { color: var(--late); } .lost { color: var(--lost); } .discarded { color: var(--discarded); }
@media print { .tiles div { border: 1px solid var(--rule); } .chart { break-inside: avoid; } }
`;
