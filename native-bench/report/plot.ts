/** A line plot as a self-contained SVG: log or linear axes, a legend, a title to hover on each point. Nothing else. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xTicks: readonly Tick[];
  readonly isYLogarithmic: boolean;
  readonly series: readonly Series[];
}

export interface Tick {
  /** On the scale of the points' x. */
  readonly at: number;
  readonly label: string;
}

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export const PLOT_WIDTH = 460;
export const PLOT_HEIGHT = 300;
const MARGIN = { left: 62, right: 14, top: 30, bottom: 62 };
const LEGEND_SPACING = 96;
const MARKED_POINTS_MAX = 12;

interface Axis {
  readonly from: number;
  readonly to: number;
}

/** @param position  within an enclosing SVG; left out for a drawing of its own. */
export function renderPlot(plot: Plot, position?: { readonly x: number; readonly y: number }): string {
  const y = yAxis(plot);
  const x: Axis = { from: plot.xTicks.at(0)?.at ?? 0, to: plot.xTicks.at(-1)?.at ?? 1 };
  const toX = (value: number): number =>
    MARGIN.left + ((value - x.from) / (x.to - x.from || 1)) * (PLOT_WIDTH - MARGIN.left - MARGIN.right);
  const toY = (value: number): number => {
    const scaled = plot.isYLogarithmic ? Math.log10(value) : value;
    const height = PLOT_HEIGHT - MARGIN.top - MARGIN.bottom;
    return PLOT_HEIGHT - MARGIN.bottom - ((scaled - y.from) / (y.to - y.from)) * height;
  };
  const place = position === undefined ? '' : ` x="${position.x}" y="${position.y}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg"${place} width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}"`,
    ` viewBox="0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}" font-family="system-ui, sans-serif" font-size="11" fill="#333">`,
    `<rect width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="18" font-size="13" font-weight="600">${escapeMarkup(plot.title)}</text>`,
    ...yTicks(plot, y).map((tick) => horizontalLine(toY(tick.at), tick.label)),
    ...plot.xTicks.map((tick) => verticalLine(toX(tick.at), tick.label)),
    `<text x="${PLOT_WIDTH - MARGIN.right}" y="${PLOT_HEIGHT - 30}" text-anchor="end" fill="#777">${escapeMarkup(plot.xLabel)}</text>`,
    `<text transform="translate(12 ${PLOT_HEIGHT / 2}) rotate(-90)" text-anchor="middle" fill="#777">${escapeMarkup(plot.yLabel)}</text>`,
    ...plot.series.map((series) => renderSeries(series, toX, toY)),
    ...plot.series.map(renderLegendEntry),
    '</svg>',
  ].join('');
}

export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function renderSeries(series: Series, toX: (value: number) => number, toY: (value: number) => number): string {
  const places = series.points.map(([x, y]) => ({ x: toX(x).toFixed(1), y: toY(y).toFixed(1), value: y }));
  const path = places.map(({ x, y }) => `${x},${y}`).join(' ');
  const line = `<polyline fill="none" stroke="${series.color}" stroke-width="2" points="${path}"/>`;
  const marks = places
    .filter(() => places.length <= MARKED_POINTS_MAX)
    .map(
      ({ x, y, value }) =>
        `<circle cx="${x}" cy="${y}" r="3" fill="${series.color}"><title>${escapeMarkup(series.name)}: ${tickLabel(value)}</title></circle>`,
    );
  return line + marks.join('');
}

function renderLegendEntry(series: Series, position: number): string {
  const columns = Math.floor((PLOT_WIDTH - 20) / LEGEND_SPACING);
  const x = 14 + (position % columns) * LEGEND_SPACING;
  const y = PLOT_HEIGHT - 24 + Math.floor(position / columns) * 13;
  const key = `<rect x="${x}" y="${y}" width="9" height="9" fill="${series.color}"/>`;
  return `${key}<text x="${x + 13}" y="${y + 9}">${escapeMarkup(series.name)}</text>`;
}

function horizontalLine(y: number, label: string): string {
  const [left, right, at] = [MARGIN.left, PLOT_WIDTH - MARGIN.right, y.toFixed(1)];
  const line = `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="#e4e4e4"/>`;
  return `${line}<text x="${left - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${label}</text>`;
}

function verticalLine(x: number, label: string): string {
  const [bottom, at] = [PLOT_HEIGHT - MARGIN.bottom, x.toFixed(1)];
  const line = `<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${bottom}" stroke="#f0f0f0"/>`;
  // At the right edge half of it would be cut off.
  const anchor = x > PLOT_WIDTH - 2 * MARGIN.right ? 'end' : 'middle';
  return `${line}<text x="${at}" y="${bottom + 15}" text-anchor="${anchor}">${escapeMarkup(label)}</text>`;
}

/** From the data: whole decades on a logarithmic axis, from zero on a linear one. In scaled units. */
function yAxis(plot: Plot): Axis {
  const values = plot.series.flatMap(({ points }) => points.map(([, value]) => value));
  const highest = Math.max(...values, plot.isYLogarithmic ? 10 : 1);
  if (!plot.isYLogarithmic) return { from: 0, to: highest * 1.05 };
  const lowest = Math.min(...values.filter((value) => value > 0), highest / 10);
  return { from: Math.floor(Math.log10(lowest)), to: Math.ceil(Math.log10(highest) + 0.01) };
}

function yTicks(plot: Plot, axis: Axis): Tick[] {
  const ticks: Tick[] = [];
  if (plot.isYLogarithmic)
    for (let decade = axis.from; decade <= axis.to; decade++)
      ticks.push({ at: 10 ** decade, label: tickLabel(10 ** decade) });
  else
    for (let at = 0, step = roundStep(axis.to / 5); at <= axis.to; at += step) ticks.push({ at, label: tickLabel(at) });
  return ticks;
}

/** The next of 1, 2, 5, 10, … at or above. */
function roundStep(atLeast: number): number {
  const decade = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 5, 10].find((step) => step * decade >= atLeast) ?? 10) * decade;
}

function tickLabel(value: number): string {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e3) return `${+(value / 1e3).toPrecision(3)} k`;
  return `${+value.toPrecision(3)}`;
}
