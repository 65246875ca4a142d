// Loads the numbers of albums beside the filters.

import { type Filters, filterQuery } from "../../client/search";
import { getJson } from "../../client/http";
import type { Facets } from "../../client/types";
import { connection } from "../../shell/session";
import { type Loaded, useLoaded } from "../../shell/use_loaded";

export function useFacets(filters: Filters): Loaded<Facets> {
  return useLoaded(`facets ${JSON.stringify(filters)}`, () => loadFacets(filters));
}

/** Return the counts of the filters for every choice that the catalog has, in the catalog's order. */
export function withAllChoices(all: Facets | null, counted: Facets | null): Facets | null {
  if (all === null || counted === null) return counted;
  const merge = <T extends { count: number }>(every: readonly T[], some: readonly T[], name: keyof T): T[] => {
    const counts = new Map(some.map((each) => [each[name], each.count]));
    return every.map((each) => ({ ...each, count: counts.get(each[name]) ?? 0 }));
  };
  return {
    total_albums: counted.total_albums,
    genres: merge(all.genres, counted.genres, "genre"),
    decades: merge(all.decades, counted.decades, "decade"),
    scores: merge(all.scores, counted.scores, "score"),
    best_new_music: merge(all.best_new_music, counted.best_new_music, "best_new_music"),
    colors: merge(all.colors, counted.colors, "color"),
  };
}

const NO_ALBUMS: Facets = { total_albums: 0, genres: [], decades: [], scores: [], best_new_music: [], colors: [] };

export async function loadFacets(filters: Filters, signal?: AbortSignal): Promise<Facets> {
  if ((filters.yearMin ?? 0) > (filters.yearMax ?? Infinity)) {
    // The service refuses years in the wrong order, from which no album can be. Decades are counted whatever the years are.
    const { decades } = await loadFacets({ ...filters, yearMin: null, yearMax: null }, signal);
    return { ...NO_ALBUMS, decades };
  }
  return getJson<Facets>(connection, { path: "api/facets", query: filterQuery(filters), signal });
}
