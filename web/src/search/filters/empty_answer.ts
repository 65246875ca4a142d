// An answer without albums, with the filters whose removal would find some.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { countText } from "../../album/describe";
import type { Facets } from "../../client/types";
import { html } from "../../html";
import { useNavigation } from "../../shell/navigation";
import { type ActiveFilter, activeFilters, CLEARED } from "./active";
import { loadFacets } from "./use_facets";

export function Empty({ facets }: { facets: Facets | null }): VNode {
  const { address, go } = useNavigation();
  const filters = activeFilters(address, facets);
  const counts = useCounts(filters);
  const helpful = filters
    .map((filter, index) => ({ ...filter, count: counts?.[index] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  return html`<section class="empty">
    <h2>No album meets all of this</h2>
    ${filters.length === 0 && html`<p>The catalog has no album with an embedded cover.</p>`}
    ${counts !== null && filters.length > 0 && helpful.length === 0 && html`<${SeveralFilters} onRemove=${() => go(CLEARED)} />`}
    ${helpful.length > 0 &&
    html`<p>Albums are found without one of these filters:</p>
      <ul class="empty-filters">
        ${helpful.map(
          ({ label, without, count }) => html`<li key=${label}>
            <button type="button" class="button" onClick=${() => go(without)}>
              Without <strong dir="auto">${label}</strong><span class="count">${countText(count, "album")}</span>
            </button>
          </li>`,
        )}
      </ul>`}
  </section>`;
}

function SeveralFilters({ onRemove }: { onRemove: () => void }): VNode {
  return html`<div class="several-filters">
    <p>Albums are found only without several of these filters.</p>
    <button type="button" class="button" onClick=${onRemove}>Remove all filters</button>
  </div>`;
}

function useCounts(filters: readonly ActiveFilter[]): number[] | null {
  const [counts, setCounts] = useState<number[] | null>(null);
  const key = JSON.stringify(filters.map((filter) => filter.without.filters));
  useEffect(() => {
    setCounts(null);
    const abort = new AbortController();
    Promise.all(filters.map(async ({ without }) => (await loadFacets(without.filters, abort.signal)).total_albums)).then(
      setCounts,
      () => undefined,
    );
    return () => abort.abort();
  }, [key]);
  return counts;
}
