// The panel of filters, with the number of albums beside each choice.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { countText } from "../../album/describe";
import type { Filters } from "../../client/search";
import type { Facets } from "../../client/types";
import { html } from "../../html";
import { grouped } from "../../numbers";
import { countFilters } from "../../shell/address";
import { Icon } from "../../shell/icons";
import { useNavigation } from "../../shell/navigation";
import type { SearchState } from "../use_search";
import { CLEARED } from "./active";
import { namedColors } from "./colors";
import { countSimilar } from "./similar_count";

/** The number of genres that are shown at first. */
const GENRES_SHOWN = 8;
/** The pause after which a moved slider or a typed year is searched for. */
const PAUSE_MS = 300;

const YEAR = /^[1-9]\d{3}$/;
const YEAR_BEGINNING = /^[1-9]\d{0,3}$/;

type Change = (change: Partial<Filters>) => void;

interface SectionProps {
  filters: Filters;
  facets: Facets;
  change: Change;
}

interface PanelProps {
  facets: Facets | null;
  search: SearchState;
  /** Counts again; present if the albums could not be counted. */
  onRecount?: (() => void) | undefined;
}

export function FilterPanel({ facets, search, onRecount }: PanelProps): VNode {
  const { address, go } = useNavigation();
  const [isOpen, setOpen] = useState(false);
  const { filters } = address;
  const active = countFilters(address);
  const change: Change = (changed) => go({ filters: { ...filters, ...changed } });
  return html`<section class="filters" aria-label="Filters">
    <button
      type="button"
      class="button filters-toggle"
      aria-expanded=${isOpen}
      aria-controls="filter-panel"
      onClick=${() => setOpen(!isOpen)}
    >
      <${Icon} name="filters" />Filters${active ? ` (${active})` : ""}
    </button>
    <div id="filter-panel" class=${`filter-panel ${isOpen ? "is-open" : ""}`}>
      ${onRecount &&
      html`<p class="note filter-problem" role="alert">
        The albums of each filter could not be counted.
        <button type="button" class="link" onClick=${onRecount}>Count again</button>
      </p>`}
      ${facets &&
      html`<div class="filter-groups">
        <${Genres} filters=${filters} facets=${facets} change=${change} />
        <${Years} filters=${filters} facets=${facets} change=${change} />
        <${Score} filters=${filters} facets=${facets} change=${change} />
        <${Colors} filters=${filters} facets=${facets} change=${change} />
        <${Similarity} search=${search} onChange=${(value: number | null) => go({ minSimilarity: value })} />
      </div>`}
      ${active > 0 &&
      html`<button type="button" class="button button-quiet" onClick=${() => go(CLEARED)}>Remove all filters</button>`}
    </div>
  </section>`;
}

function Genres({ filters, facets, change }: SectionProps): VNode | null {
  const [showsAll, setShowsAll] = useState(false);
  const counted = facets.genres.filter((each): each is { genre: string; count: number } => each.genre !== null);
  const missing = filters.genres.filter((genre) => !counted.some((each) => each.genre === genre));
  const choices = [...counted, ...missing.map((genre) => ({ genre, count: 0 }))];
  const shown = choices.filter((each, index) => showsAll || index < GENRES_SHOWN || filters.genres.includes(each.genre));
  if (!choices.length) return null;
  const toggle = (genre: string): void => {
    const has = filters.genres.includes(genre);
    change({ genres: has ? filters.genres.filter((each) => each !== genre) : [...filters.genres, genre] });
  };
  return html`<fieldset class="filter">
    <legend>Genre</legend>
    ${shown.map(
      ({ genre, count }) => html`<label class="choice" key=${genre}>
        <input type="checkbox" checked=${filters.genres.includes(genre)} onChange=${() => toggle(genre)} />
        <span dir="auto">${genre}</span><span class="count">${grouped(count)}</span>
      </label>`,
    )}
    ${choices.length > GENRES_SHOWN &&
    html`<button type="button" class="link" aria-expanded=${showsAll} onClick=${() => setShowsAll(!showsAll)}>
      ${showsAll ? "Show fewer" : `Show all ${choices.length}`}
    </button>`}
  </fieldset>`;
}

function Years({ filters, facets, change }: SectionProps): VNode {
  const decades = facets.decades
    .filter((each): each is { decade: number; count: number } => each.decade !== null)
    .sort((a, b) => a.decade - b.decade);
  const most = Math.max(1, ...decades.map((each) => each.count));
  const covers = (decade: number): boolean =>
    (filters.yearMin !== null || filters.yearMax !== null) &&
    (filters.yearMin ?? 0) <= decade + 9 &&
    (filters.yearMax ?? 9999) >= decade;
  const choose = (decade: number): void => {
    const isOnly = filters.yearMin === decade && filters.yearMax === decade + 9;
    change(isOnly ? { yearMin: null, yearMax: null } : { yearMin: decade, yearMax: decade + 9 });
  };
  return html`<fieldset class="filter">
    <legend>Year</legend>
    <div class="decades">
      ${decades.map(
        ({ decade, count }) => html`<button
          key=${decade}
          type="button"
          class="decade"
          aria-pressed=${covers(decade)}
          title=${`${decade} to ${decade + 9}: ${countText(count, "album")}`}
          aria-label=${`’${String(decade).slice(2)}: ${decade} to ${decade + 9}, ${countText(count, "album")}`}
          onClick=${() => choose(decade)}
        >
          <span class="decade-bar" style=${{ height: `${Math.max(4, (100 * count) / most)}%` }}></span>
          <span class="decade-name">${`’${String(decade).slice(2)}`}</span>
        </button>`,
      )}
    </div>
    <div class="range">
      <${YearField} label="From" value=${filters.yearMin} onChange=${(yearMin: number | null) => change({ yearMin })} />
      <${YearField} label="To" value=${filters.yearMax} onChange=${(yearMax: number | null) => change({ yearMax })} />
    </div>
  </fieldset>`;
}

interface YearFieldProps {
  label: string;
  value: number | null;
  onChange: (year: number | null) => void;
}

function YearField({ label, value, onChange }: YearFieldProps): VNode {
  const [draft, setDraft] = useDraft(value === null ? "" : String(value), (text) => {
    if (text === "") onChange(null);
    else if (YEAR.test(text)) onChange(Number(text));
  });
  const [isLeft, setLeft] = useState(false);
  // The beginning of a year is no mistake while it is being typed.
  const isWrong = draft !== "" && !(isLeft ? YEAR : YEAR_BEGINNING).test(draft);
  return html`<div>
    <label class="year"
      ><span>${label}</span>
      <input
        type="text"
        inputmode="numeric"
        maxlength="4"
        placeholder="any"
        value=${draft}
        aria-invalid=${isWrong}
        onInput=${(event: Event) => setDraft((event.target as HTMLInputElement).value.trim())}
        onFocus=${() => setLeft(false)}
        onBlur=${() => setLeft(true)}
      />
    </label>
    ${isWrong && html`<p class="note" role="alert">“${draft}” is not a year from 1000 to 9999.</p>`}
  </div>`;
}

function Score({ filters, facets, change }: SectionProps): VNode {
  const [draft, setDraft] = useDraft(filters.minScore ?? 0, (score) => change({ minScore: score === 0 ? null : score }));
  const best = facets.best_new_music.find((each) => each.best_new_music)?.count ?? 0;
  // The counts are by whole scores.
  const count = Number.isInteger(draft) ? countFrom(facets, draft) : null;
  return html`<fieldset class="filter">
    <legend>Score</legend>
    <label class="slider"
      ><span class="slider-label"
        ><span>${draft === 0 ? "Any score" : `${draft} or more`}</span>
        ${draft > 0 && count !== null && html`<span class="count">${grouped(count)}</span>`}</span
      >
      <input
        type="range"
        min="0"
        max="9"
        step="1"
        aria-label="Minimum score"
        value=${draft}
        onInput=${(event: Event) => setDraft(Number((event.target as HTMLInputElement).value))}
      />
    </label>
    <label class="choice">
      <input
        type="checkbox"
        checked=${filters.bestNewMusic}
        onChange=${() => change({ bestNewMusic: !filters.bestNewMusic })}
      />
      <span>Best new music</span><span class="count">${grouped(best)}</span>
    </label>
  </fieldset>`;
}

function countFrom(facets: Facets, score: number): number {
  // The band of the score 9 includes 10.
  return facets.scores.reduce((sum, each) => (each.score !== null && each.score >= score ? sum + each.count : sum), 0);
}

function Colors({ filters, facets, change }: SectionProps): VNode {
  const named = namedColors(facets);
  const chosen = named.find((each) => each.hex === filters.color);
  const isOwn = filters.color !== null && chosen === undefined;
  const [draft, setDraft] = useDraft(filters.color ?? "#808080", (color) => change({ color }));
  return html`<fieldset class="filter">
    <legend>Colour</legend>
    <div class="colors">
      ${named.map(
        ({ color, hex, count }) => html`<button
          key=${hex}
          type="button"
          class="color"
          aria-pressed=${filters.color === hex}
          aria-label=${`${color}, main colour of ${countText(count, "cover")}`}
          title=${`${color}: main colour of ${countText(count, "cover")}`}
          onClick=${() => change({ color: filters.color === hex ? null : hex })}
        >
          <span class="swatch" style=${{ backgroundColor: hex }}></span>
          <span class="count">${grouped(count)}</span>
        </button>`,
      )}
      <label class=${`swatch own-color ${isOwn ? "is-chosen" : ""}`} title="Another colour">
        <span class="hidden">Another colour</span>
        <input
          type="color"
          value=${draft}
          onInput=${(event: Event) => setDraft((event.target as HTMLInputElement).value)}
        />
      </label>
    </div>
    <p class="note">
      ${chosen ? `${chosen.color}: main colour of ${countText(chosen.count, "cover")}` : "Numbers of covers by main colour"}
    </p>
  </fieldset>`;
}

interface SimilarityProps {
  search: SearchState;
  onChange: (value: number | null) => void;
}

function Similarity({ search, onChange }: SimilarityProps): VNode {
  const { address } = useNavigation();
  const [draft, setDraft] = useDraft(address.minSimilarity ?? 0, (chosen) => onChange(chosen === 0 ? null : chosen));
  const similar = draft === 0 ? null : countSimilar(search, address, draft);
  return html`<fieldset class="filter">
    <legend>Similarity</legend>
    <label class="slider"
      ><span class="slider-label"
        ><span>${draft === 0 ? "Any similarity" : `${draft.toFixed(2)} or more`}</span>
        ${similar && html`<span class="count">${similar.isAll ? "" : "at least "}${grouped(similar.count)}</span>`}</span
      >
      <input
        type="range"
        min="0"
        max="1"
        step="0.01"
        aria-label="Minimum similarity"
        value=${draft}
        onInput=${(event: Event) => setDraft(Number((event.target as HTMLInputElement).value))}
      />
    </label>
  </fieldset>`;
}

/** Return a value that follows `value`, and a function that changes it and reports it after a pause. */
function useDraft<T>(value: T, report: (value: T) => void): [T, (value: T) => void] {
  const [draft, setDraft] = useState(value);
  const timer = useRef(0);
  const latest = useRef(report);
  latest.current = report;
  useEffect(() => setDraft(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (next: T): void => {
    setDraft(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current(next), PAUSE_MS);
  };
  return [draft, set];
}
