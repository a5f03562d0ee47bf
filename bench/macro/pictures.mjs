/**
 * Bar charts as SVG, readable on a light and on a dark page.
 *
 * @module
 */

const WIDTH = 720;
const NAME_WIDTH = 150;
const VALUE_WIDTH = 110;
const ROW_HEIGHT = 26;
const TITLE_HEIGHT = 40;
const OURS = "echostream";

/**
 * Horizontal bars, the largest first.
 *
 * @param {string} title
 * @param {string} unit behind each value
 * @param {{ name: string, value: number }[]} bars
 * @returns {string} an SVG document
 */
export function barChart(title, unit, bars) {
  const sorted = [...bars].sort((a, b) => b.value - a.value);
  const most = Math.max(1e-9, ...sorted.map(({ value }) => value));
  const span = WIDTH - NAME_WIDTH - VALUE_WIDTH;
  const rows = sorted.map(({ name, value }, at) => {
    const top = TITLE_HEIGHT + at * ROW_HEIGHT;
    const length = Math.max(1, Math.round(span * value / most));
    return [
      `<text x="${NAME_WIDTH - 8}" y="${top + 17}" text-anchor="end">${escape(name)}</text>`,
      `<rect x="${NAME_WIDTH}" y="${top + 4}" width="${length}" height="${ROW_HEIGHT - 8}" rx="2" fill="${
        name === OURS ? "#d9480f" : "#7b8794"
      }"/>`,
      `<text x="${NAME_WIDTH + length + 8}" y="${top + 17}">${value.toLocaleString("en")} ${escape(unit)}</text>`,
    ].join("\n");
  });
  const height = TITLE_HEIGHT + sorted.length * ROW_HEIGHT + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 15px }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>
<text class="title" x="8" y="24">${escape(title)}</text>
${rows.join("\n")}
</svg>
`;
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
