// Charts of counts, drawn as SVG, each also readable as a table.

import type { VNode } from "preact";

import { html } from "../html";
import { grouped } from "../numbers";
import type { Address } from "../shell/address";
import { hrefOf, onLink, useNavigation } from "../shell/navigation";

export interface Bar {
  label: string;
  count: number;
  /** The search that the bar stands for. */
  address: Address;
  /** The colour of the bar; by default the colour of all bars. */
  color?: string;
}

interface ChartProps {
  title: string;
  /** The heading of the first column of the table. */
  of: string;
  note?: string;
  bars: readonly Bar[];
  kind: "rows" | "columns";
}

export function Chart({ title, of, note, bars, kind }: ChartProps): VNode {
  return html`<section class=${`chart chart-${kind}`} aria-label=${title}>
    <h2>${title}</h2>
    ${note && html`<p class="note">${note}</p>`}
    ${kind === "rows" ? html`<${Rows} bars=${bars} title=${title} />` : html`<${Columns} bars=${bars} title=${title} />`}
    <details class="chart-table">
      <summary>As a table</summary>
      <table>
        <thead>
          <tr><th scope="col">${of}</th><th scope="col">Albums</th></tr>
        </thead>
        <tbody>
          ${bars.map((bar) => html`<tr key=${bar.label}><th scope="row">${bar.label}</th><td>${number(bar.count)}</td></tr>`)}
        </tbody>
      </table>
    </details>
  </section>`;
}

const ROW = 30;
const LABEL = 150;
const VALUE = 64;
const WIDTH = 560;

function Rows({ bars, title }: { bars: readonly Bar[]; title: string }): VNode {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const room = WIDTH - LABEL - VALUE;
  return html`<svg viewBox=${`0 0 ${WIDTH} ${bars.length * ROW}`} role="group" aria-label=${`${title}, as a chart`}>
    ${bars.map((bar, index) => {
      const width = Math.max(2, (room * bar.count) / most);
      const middle = index * ROW + ROW / 2;
      return html`<${BarLink} key=${bar.label} bar=${bar}>
        <rect class="bar-room" x="0" y=${index * ROW} width=${WIDTH} height=${ROW} />
        <text class="bar-label" x="0" y=${middle}>${shortened(bar.label)}</text>${" "}
        <rect class="bar" x=${LABEL} y=${index * ROW + 7} width=${width} height=${ROW - 14} rx="2" fill=${bar.color} />
        <text class="bar-count" x=${LABEL + width + 8} y=${middle}>${number(bar.count)}</text>
      <//>`;
    })}
  </svg>`;
}

const HEIGHT = 220;
const TOP = 22;
const BOTTOM = 26;

function Columns({ bars, title }: { bars: readonly Bar[]; title: string }): VNode {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const step = WIDTH / Math.max(1, bars.length);
  const room = HEIGHT - TOP - BOTTOM;
  return html`<svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label=${`${title}, as a chart`}>
    ${bars.map((bar, index) => {
      const height = Math.max(2, (room * bar.count) / most);
      const middle = index * step + step / 2;
      return html`<${BarLink} key=${bar.label} bar=${bar}>
        <rect class="bar-room" x=${index * step} y="0" width=${step} height=${HEIGHT} />
        <rect
          class="bar"
          x=${index * step + step * 0.14}
          y=${HEIGHT - BOTTOM - height}
          width=${step * 0.72}
          height=${height}
          rx="2"
          fill=${bar.color}
        />
        <text class="bar-label is-middle" x=${middle} y=${HEIGHT - 10}>${bar.label}</text>${" "}
        <text class="bar-count is-middle" x=${middle} y=${HEIGHT - BOTTOM - height - 11}>${number(bar.count)}</text>
      <//>`;
    })}
  </svg>`;
}

function BarLink({ bar, children }: { bar: Bar; children: unknown }): VNode {
  const { go } = useNavigation();
  return html`<a
    class="bar-link"
    href=${hrefOf(bar.address)}
    aria-label=${`${bar.label} ${number(bar.count)} albums`}
    onClick=${onLink(() => go(bar.address))}
    >${children}</a
  >`;
}

function shortened(label: string): string {
  return label.length > 20 ? `${label.slice(0, 19)}…` : label;
}

function number(count: number): string {
  return grouped(count);
}
