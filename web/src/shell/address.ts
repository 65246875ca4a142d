// The state of the page, which is the query string of its address.

import type { Filters, Part } from "../client/search";

export type View = "search" | "catalog" | "service";

export interface Address {
  view: View;
  parts: readonly Part[];
  filters: Filters;
  minSimilarity: number | null;
  /** The album whose dialog is open. */
  album: string | null;
  /** Whether the dialog with the search as program code is open. */
  code: boolean;
}

export const NO_FILTERS: Filters = {
  genres: [],
  artists: [],
  yearMin: null,
  yearMax: null,
  minScore: null,
  bestNewMusic: false,
  color: null,
};

export const START: Address = {
  view: "search",
  parts: [],
  filters: NO_FILTERS,
  minSimilarity: null,
  album: null,
  code: false,
};

/** The limits of the HTTP API. */
export const PARTS_MAX = 8;
export const WEIGHT_MAX = 10;
export const TEXT_MAX_CHARS = 500;

const PART_NAMES = { text: "text", image: "picture", album: "like" } as const;

export function readAddress(query: string): Address {
  const values = new URLSearchParams(query);
  const view = values.get("view");
  return {
    view: view === "catalog" || view === "service" ? view : "search",
    parts: readParts(values),
    filters: {
      genres: values.getAll("genre").filter(Boolean),
      artists: values.getAll("artist").filter(Boolean),
      yearMin: readNumber(values.get("year_min"), 1000, 9999),
      yearMax: readNumber(values.get("year_max"), 1000, 9999),
      minScore: readNumber(values.get("min_score"), 0, 10),
      bestNewMusic: values.get("best_new_music") === "true",
      color: /^#[0-9a-f]{6}$/i.test(values.get("color") ?? "") ? (values.get("color") as string).toLowerCase() : null,
    },
    minSimilarity: readNumber(values.get("min_similarity"), -1, 1),
    album: values.get("album") || null,
    code: values.has("code"),
  };
}

export function writeAddress(address: Address): string {
  const values = new URLSearchParams();
  if (address.view !== "search") values.set("view", address.view);
  for (const part of address.parts) values.append(PART_NAMES[part.kind], part.kind === "text" ? part.text : part.id);
  if (address.parts.some((part) => part.weight !== 1)) {
    values.set("weights", address.parts.map((part) => part.weight).join(" "));
  }
  const { filters } = address;
  for (const genre of filters.genres) values.append("genre", genre);
  for (const artist of filters.artists) values.append("artist", artist);
  setNumber(values, "year_min", filters.yearMin);
  setNumber(values, "year_max", filters.yearMax);
  setNumber(values, "min_score", filters.minScore);
  if (filters.bestNewMusic) values.set("best_new_music", "true");
  if (filters.color !== null) values.set("color", filters.color);
  setNumber(values, "min_similarity", address.minSimilarity);
  if (address.album !== null) values.set("album", address.album);
  if (address.code) values.set("code", "");
  const query = values.toString().replace(/code=(?=&|$)/, "code");
  return query && `?${query}`;
}

function readParts(values: URLSearchParams): Part[] {
  const parts: Part[] = [];
  for (const [name, value] of values) {
    if (!value.trim()) continue;
    if (name === "text") parts.push({ kind: "text", text: value.slice(0, TEXT_MAX_CHARS), weight: 1 });
    else if (name === "picture") parts.push({ kind: "image", id: value, weight: 1 });
    else if (name === "like") parts.push({ kind: "album", id: value, weight: 1 });
  }
  const weights = (values.get("weights") ?? "").split(" ");
  return parts.slice(0, PARTS_MAX).map((part, index) => {
    const weight = readNumber(weights[index] ?? null, -WEIGHT_MAX, WEIGHT_MAX);
    return weight ? { ...part, weight } : part;
  });
}

function readNumber(value: string | null, min: number, max: number): number | null {
  if (value === null || value.trim() === "") return null;
  const number = Number(value);
  return Number.isFinite(number) && number >= min && number <= max ? number : null;
}

function setNumber(values: URLSearchParams, name: string, value: number | null): void {
  if (value !== null) values.set(name, String(value));
}

/** Return the number of active filters. */
export function countFilters(address: Address): number {
  const { filters } = address;
  return (
    filters.genres.length +
    filters.artists.length +
    Number(filters.yearMin !== null || filters.yearMax !== null) +
    Number(filters.minScore !== null) +
    Number(filters.bestNewMusic) +
    Number(filters.color !== null) +
    Number(address.minSimilarity !== null)
  );
}
