// The catalog in charts: its genres, years, scores and colours.

import type { VNode } from "preact";

import { countText } from "../album/describe";
import type { Filters } from "../client/search";
import { getJson } from "../client/http";
import type { Facets, Stats } from "../client/types";
import { html } from "../html";
import { namedColors } from "../search/filters/colors";
import { ProblemPanel } from "../problems/panel";
import { useFacets } from "../search/filters/use_facets";
import { type Address, NO_FILTERS, START } from "../shell/address";
import { connection } from "../shell/session";
import { useLoaded } from "../shell/use_loaded";
import { type Bar, Chart } from "./charts";

const GENRES = 15;

export function CatalogView(): VNode {
  const facets = useFacets(NO_FILTERS);
  const stats = useLoaded("stats", () => getJson<Stats>(connection, { path: "api/stats" })).value;
  if (facets.error !== null) return html`<${ProblemPanel} error=${facets.error} onRetry=${facets.reload} />`;
  const found = facets.value;
  return html`<div class="catalog">
    <header class="view-header">
      <h1 tabindex="-1">The catalog</h1>
      <p class="lead">${found === null ? "Counting …" : summary(found, stats)}</p>
    </header>
    ${found &&
    html`<div class="charts">
      <${Chart} kind="rows" title="Genres" of="Genre" note="An album counts in each of its genres." bars=${genres(found)} />
      <${Chart} kind="rows" title="Main colours" of="Colour" note="A search by colour also finds covers with a fifth of it." bars=${colors(found)} />
      <${Chart} kind="columns" title="Decades" of="Decade" bars=${decades(found)} />
      <${Chart} kind="columns" title="Scores" of="Score" note="Albums with this score or a higher one." bars=${scores(found)} />
    </div>`}
  </div>`;
}

function summary(facets: Facets, stats: Stats | null): string {
  const years = stats?.year_range;
  const average = stats?.pitchfork_scores.average;
  return [
    countText(facets.total_albums, "album"),
    years?.min && years.max ? `from ${years.min} to ${years.max}` : "",
    average ? `with an average score of ${average.toFixed(1)}` : "",
  ]
    .filter(Boolean)
    .join(" ");
}

function search(filters: Partial<Filters>): Address {
  return { ...START, filters: { ...NO_FILTERS, ...filters } };
}

function genres(facets: Facets): Bar[] {
  return facets.genres
    .flatMap(({ genre, count }) => (genre === null ? [] : [{ label: genre, count, address: search({ genres: [genre] }) }]))
    .slice(0, GENRES);
}

function colors(facets: Facets): Bar[] {
  return namedColors(facets).map(({ color, hex, count }) => ({
    label: color,
    count,
    color: hex,
    address: search({ color: hex }),
  }));
}

function decades(facets: Facets): Bar[] {
  return facets.decades
    .flatMap(({ decade, count }) =>
      decade === null
        ? []
        : [{ decade, label: `${decade}s`, count, address: search({ yearMin: decade, yearMax: decade + 9 }) }],
    )
    .sort((a, b) => a.decade - b.decade);
}

// The filter of the search has a lowest score only, so each bar counts the higher scores too.
function scores(facets: Facets): Bar[] {
  const known = facets.scores.flatMap(({ score, count }) => (score === null ? [] : [{ score, count }]));
  const lowest = Math.min(...known.map(({ score }) => score));
  return Array.from({ length: 10 }, (_, score) => ({
    label: `${score}+`,
    count: known.filter((each) => each.score >= score).reduce((sum, each) => sum + each.count, 0),
    address: search({ minScore: score }),
  })).slice(lowest);
}
