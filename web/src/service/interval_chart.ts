// A chart of the requests of the last five minutes, in intervals of ten seconds.

import type { VNode } from "preact";

import type { Interval } from "../client/types";
import { html } from "../html";
import { grouped } from "../numbers";

const WIDTH = 560;
const HEIGHT = 140;
const TOP = 20;

interface IntervalChartProps {
  title: string;
  intervals: readonly Interval[];
  value: "rate" | "duration";
}

export function IntervalChart({ title, intervals, value }: IntervalChartProps): VNode {
  const values = intervals.map((interval) =>
    value === "rate" ? interval.count / interval.seconds : (interval.duration_ms.p50 ?? 0),
  );
  const most = Math.max(...values, 0);
  const step = WIDTH / Math.max(1, values.length);
  const failed = intervals.map((interval) => (interval.status_classes["5xx"] ?? 0) / Math.max(1, interval.count));
  const last = values.at(-1) ?? 0;
  const label = `${title}: now ${rounded(last)}, at most ${rounded(most)} in the last five minutes`;
  return html`<section class="chart" aria-label=${title}>
    <h2>${title}</h2>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <text class="bar-count" x="0" y="8">${rounded(most)}</text>
      <line class="axis" x1="0" y1=${HEIGHT - 0.5} x2=${WIDTH} y2=${HEIGHT - 0.5} />
      ${values.map((each, index) => {
        const height = most === 0 ? 0 : ((HEIGHT - TOP) * each) / most;
        const x = index * step + step * 0.15;
        const part = value === "rate" ? (failed[index] ?? 0) : 0;
        return html`<g key=${index}>
          <rect class="bar" x=${x} y=${HEIGHT - height} width=${step * 0.7} height=${height} rx="1.5" />
          ${part > 0 && html`<rect class="bar-failed" x=${x} y=${HEIGHT - height * part} width=${step * 0.7} height=${height * part} />`}
        </g>`;
      })}
    </svg>
  </section>`;
}

function rounded(value: number): string {
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : grouped(Math.round(value));
}
