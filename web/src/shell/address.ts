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
  /** The values of the query string that are not allowed, and are therefore ignored. */
  ignored: readonly Ignored[];
}

export interface Ignored {
  /** A name and its value, such as `year_min=1990.5`. */
  given: string;
  /** The values that are allowed. */
  allowed: string;
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
  ignored: [],
};

/** The limits of the HTTP API. */
export const PARTS_MAX = 8;
export const WEIGHT_MAX = 10;
export const TEXT_MAX_CHARS = 500;

const PART_NAMES = { text: "text", image: "picture", album: "like" } as const;

export function readAddress(query: string): Address {
  const values = new URLSearchParams(query);
  const ignored: Ignored[] = [];
  const read = <T>(name: string, allowed: string, parse: (value: string) => T | null): T | null => {
    const value = values.get(name)?.trim();
    if (!value) return null;
    const parsed = parse(value);
    if (parsed === null) ignored.push({ given: `${name}=${value}`, allowed });
    return parsed;
  };
  const number = (name: string, min: number, max: number): number | null =>
    read(name, `a number from ${min} to ${max}`, (value) => numberIn(value, min, max));
  const year = (name: string): number | null =>
    read(name, "a whole number from 1000 to 9999", (value) => (/^[1-9]\d{3}$/.test(value) ? Number(value) : null));
  return {
    view: read("view", "catalog or service", (value) => (value === "catalog" || value === "service" ? value : null)) ?? "search",
    parts: readParts(values, read("weights", `numbers from -${WEIGHT_MAX} to ${WEIGHT_MAX}, but not 0`, readWeights) ?? []),
    filters: {
      genres: values.getAll("genre").filter(Boolean),
      artists: values.getAll("artist").filter(Boolean),
      yearMin: year("year_min"),
      yearMax: year("year_max"),
      minScore: number("min_score", 0, 10),
      bestNewMusic: read("best_new_music", "true or false", flag) ?? false,
      color: read("color", "a colour such as #1d5fd6", (value) => (/^#[0-9a-f]{6}$/i.test(value) ? value.toLowerCase() : null)),
    },
    minSimilarity: number("min_similarity", -1, 1),
    album: values.get("album") || null,
    code: values.has("code"),
    ignored,
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

function readParts(values: URLSearchParams, weights: readonly number[]): Part[] {
  const parts: Part[] = [];
  for (const [name, value] of values) {
    if (!value.trim()) continue;
    if (name === "text") parts.push({ kind: "text", text: value.slice(0, TEXT_MAX_CHARS), weight: 1 });
    else if (name === "picture") parts.push({ kind: "image", id: value, weight: 1 });
    else if (name === "like") parts.push({ kind: "album", id: value, weight: 1 });
  }
  return parts.slice(0, PARTS_MAX).map((part, index) => ({ ...part, weight: weights[index] ?? 1 }));
}

function readWeights(value: string): number[] | null {
  const weights = value.split(/\s+/).map((each) => numberIn(each, -WEIGHT_MAX, WEIGHT_MAX));
  return weights.every((each): each is number => Boolean(each)) ? weights : null;
}

function flag(value: string): boolean | null {
  return value === "true" || (value === "false" ? false : null);
}

function numberIn(value: string, min: number, max: number): number | null {
  const number = Number(value);
  return number >= min && number <= max ? number : null;
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
