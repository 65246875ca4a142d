// The grid of results, which loads further pages while a person scrolls, up to its end.

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { countText } from "../../album/describe";
import { html } from "../../html";
import { grouped } from "../../numbers";
import { countFilters } from "../../shell/address";
import { useNavigation } from "../../shell/navigation";
import { Card } from "./card";
import { ProblemPanel } from "../../problems/panel";
import { moveInGrid } from "./grid_keys";
import type { RunningSearch } from "../use_search";
import { Waiting } from "../waiting";

export function Results({ search, isStale }: { search: RunningSearch; isStale: boolean }): VNode {
  const { matches } = search;
  return html`<div class=${`results ${isStale ? "is-stale" : ""}`} aria-busy=${search.loading !== null}>
    <ol class="grid" onKeyDown=${moveInGrid}>
      ${matches.map((match, position) => html`<${Card} key=${match.id} match=${match} position=${position} />`)}
    </ol>
    ${!isStale && search.error !== null && html`<${ProblemPanel} error=${search.error} onRetry=${search.retry} />`}
    ${!isStale && search.end === null && search.error === null && html`<${LoadMore} search=${search} />`}
    ${search.loading === "more" && html`<${Waiting} search=${search} />`}
    ${!isStale && search.end !== null && matches.length > 0 && html`<p class="end" tabindex="-1">${useEndText(search)}</p>`}
  </div>`;
}

/** Loads the next page when it comes near the visible part of the page. */
function LoadMore({ search }: { search: RunningSearch }): VNode {
  const button = useRef<HTMLButtonElement>(null);
  const load = useRef(search.loadMore);
  load.current = search.loadMore;
  useEffect(() => {
    if (button.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && load.current(),
      { rootMargin: "800px" },
    );
    observer.observe(button.current);
    return () => observer.disconnect();
    // After each page the observer begins anew, because the button may still be visible.
  }, [search.next, search.shown]);
  return html`<button ref=${button} type="button" class="button load-more" onClick=${search.loadMore}>
    ${search.loading === "more" ? "Loading more …" : "Load more"}
  </button>`;
}

function useEndText(search: RunningSearch): string {
  const { address } = useNavigation();
  const { minSimilarity } = address;
  const count = search.matches.length;
  if (search.end === "limit") {
    return `The first ${grouped(count)} albums are shown. A search ranks no more; a filter leads to others.`;
  }
  const isOne = count === 1;
  const conditions = [
    countFilters({ ...address, minSimilarity: null }) > 0 ? `${isOne ? "meets" : "meet"} the filters` : "",
    minSimilarity === null ? "" : `${isOne ? "is" : "are"} similar enough`,
  ].filter(Boolean);
  const named = conditions.length ? `that ${conditions.join(" and ")}` : "of the catalog";
  const except = address.parts.some((part) => part.kind === "album") ? ", apart from those of the search" : "";
  return `${isOne ? "This is the only album" : `These are all ${countText(count, "album")}`} ${named}${except}.`;
}
