// The filters of a search as a list: a label for each, and the search without it.

import { nameOfColor } from "./colors";
import { type Address, NO_FILTERS } from "../../shell/address";
import type { Facets } from "../../client/types";

export interface ActiveFilter {
  label: string;
  without: Pick<Address, "filters" | "minSimilarity">;
}

export function activeFilters(address: Address, facets: Facets | null): ActiveFilter[] {
  const { filters, minSimilarity } = address;
  const found: ActiveFilter[] = [];
  const add = (label: string, change: Partial<typeof filters>): void => {
    found.push({ label, without: { filters: { ...filters, ...change }, minSimilarity } });
  };
  for (const genre of filters.genres) add(genre, { genres: filters.genres.filter((each) => each !== genre) });
  for (const artist of filters.artists) add(`by ${artist}`, { artists: filters.artists.filter((each) => each !== artist) });
  if (filters.yearMin !== null || filters.yearMax !== null) {
    add(yearsText(filters.yearMin, filters.yearMax), { yearMin: null, yearMax: null });
  }
  if (filters.minScore !== null) add(`score ${filters.minScore} or more`, { minScore: null });
  if (filters.bestNewMusic) add("best new music", { bestNewMusic: false });
  if (filters.color !== null) add(`${nameOfColor(filters.color, facets)} on the cover`, { color: null });
  if (minSimilarity !== null) {
    found.push({ label: `similarity ${minSimilarity} or more`, without: { filters, minSimilarity: null } });
  }
  return found;
}

export const CLEARED = { filters: NO_FILTERS, minSimilarity: null } as const;

export function yearsText(min: number | null, max: number | null): string {
  if (min === null) return `until ${max ?? ""}`;
  if (max === null) return `since ${min}`;
  return min === max ? String(min) : `${min} to ${max}`;
}
