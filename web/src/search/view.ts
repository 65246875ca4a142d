// The view of a search: the field, the filters, and the results or suggestions.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { countText } from "../album/describe";
import type { Part } from "../client/search";
import { html } from "../html";
import { shrink } from "../pictures/shrink";
import { addPicture, readPicture } from "../pictures/store";
import { ServiceError } from "../client/http";
import { type Address, countFilters, NO_FILTERS } from "../shell/address";
import { Icon } from "../shell/icons";
import { hrefOf, onLink, useNavigation } from "../shell/navigation";
import { activeFilters, CLEARED } from "./filters/active";
import { Empty } from "./filters/empty_answer";
import { FilterPanel } from "./filters/panel";
import { NamedAlbums } from "./results/named_albums";
import { ProblemPanel } from "../problems/panel";
import { codeOf } from "../problems/texts";
import { QueryBar } from "./query/query_bar";
import { Results } from "./results/results";
import { Suggestions } from "./suggestions";
import { TimingsDetails } from "./results/timings";
import { useFacets, withAllChoices } from "./filters/use_facets";
import { DEFAULT_TEXT, type RunningSearch, searchKey, useSearch } from "./use_search";
import { Waiting } from "./waiting";

export function SearchView(): VNode {
  const navigation = useNavigation();
  const { address } = navigation;
  const facets = useFacets(address.filters);
  const all = useFacets(NO_FILTERS);
  const counts = withAllChoices(all.value, facets.value);
  const running = useSearch(navigation);
  const recount = (): void => [facets, all].forEach(({ error, reload }) => error !== null && reload());
  const search: RunningSearch = {
    ...running,
    retry: () => {
      running.retry();
      recount();
    },
  };
  const isSearching = searchKey(address) !== null;
  return html`<div class=${`search ${isSearching ? "has-search" : "is-start"}`}>
    <div class="ask">
      ${!isSearching && html`<${Welcome} total=${facets.value?.total_albums ?? null} />`}
      <${QueryBar} isStart=${!isSearching} />
      <${IgnoredValues} />
    </div>
    ${isSearching
      ? html`<div class="search-columns">
          <${FilterPanel} facets=${counts} search=${search} onRecount=${canRecount(facets.error) ? recount : undefined} />
          <${Outcome} search=${search} facets=${counts} />
        </div>`
      : facets.error !== null
        ? html`<${ProblemPanel} error=${facets.error} onRetry=${facets.reload} />`
        : html`<${Suggestions} facets=${facets.value} />`}
  </div>`;
}

/** Tell whether another attempt may count the albums; a value that is not allowed stays so, and the search explains it. */
function canRecount(error: unknown): boolean {
  return error !== null && codeOf(error) !== "invalid_parameter";
}

function Welcome({ total }: { total: number | null }): VNode {
  return html`<div class="welcome">
    <h1 tabindex="-1">Find an album by its cover</h1>
    <p>Describe what you see, or drop a picture.</p>
    <p class="welcome-count">${total === null ? "" : `${countText(total, "cover")} to look through.`}</p>
  </div>`;
}

/** The values of the address that are not allowed; a change of the search removes them from the address. */
function IgnoredValues(): VNode {
  const { address } = useNavigation();
  return html`<div role="status">
    ${address.ignored.map(
      ({ given, allowed }) => html`<p key=${given} class="note ignored">
        The address contains <bdi>${given}</bdi>, which is ignored because the value is not ${allowed}.
      </p>`,
    )}
  </div>`;
}

function Outcome({ search, facets }: { search: RunningSearch; facets: ReturnType<typeof useFacets>["value"] }): VNode {
  const { address } = useNavigation();
  const { first, matches } = search;
  const isStale = search.shown !== searchKey(address);
  const onlyText = address.parts.length === 1 && address.parts[0]?.kind === "text" ? address.parts[0].text : null;
  const hasError = search.error !== null && (isStale || matches.length === 0);
  return html`<section class="outcome" aria-labelledby="results-heading">
    <${Heading} search=${search} isStale=${isStale} facets=${facets} />
    ${onlyText !== null && html`<${NamedAlbums} text=${onlyText} />`}
    ${search.loading !== "more" && html`<${Waiting} search=${search} />`}
    ${hasError
      ? html`<${PictureProblem} search=${search} />`
      : first !== null && matches.length === 0 && !isStale
        ? html`<${Empty} facets=${facets} />`
        : html`<${Results} search=${search} isStale=${isStale} />`}
  </section>`;
}

interface HeadingProps {
  search: RunningSearch;
  isStale: boolean;
  facets: ReturnType<typeof useFacets>["value"];
}

function Heading({ search, isStale, facets }: HeadingProps): VNode {
  const { address, go } = useNavigation();
  const filters = activeFilters(address, facets);
  const text = headingText(search, isStale, address, rankedCount(address, facets?.total_albums ?? null));
  return html`<header class="results-header">
    <div class="results-title">
      <h1 id="results-heading" tabindex="-1">${text}</h1>
      <p class="hidden" role="status">${text}</p>
      ${search.first && !isStale && html`<${TimingsDetails} found=${search.first} />`}
      <a
        class="button button-quiet code-button"
        href=${hrefOf({ ...address, code: true })}
        onClick=${onLink(() => go({ code: true }))}
        ><${Icon} name="code" />Code</a
      >
    </div>
    ${filters.length > 0 &&
    html`<ul class="tokens" aria-label="Active filters">
      ${filters.map(
        ({ label, without }) => html`<li key=${label}>
          <button type="button" class="token" aria-label=${`Remove the filter ${label}`} onClick=${() => go(without)}>
            <span dir="auto">${label}</span><${Icon} name="close" />
          </button>
        </li>`,
      )}
      ${filters.length > 1 &&
      html`<li><button type="button" class="link" onClick=${() => go(CLEARED)}>Remove all</button></li>`}
    </ul>`}
    ${address.parts.length === 0 && html`<p class="note">Ordered by likeness to “${DEFAULT_TEXT}”.</p>`}
  </header>`;
}

/** Return how many albums a search ranks, or null if only its end can tell. */
function rankedCount(address: Address, meetingFilters: number | null): number | null {
  if (meetingFilters === null || address.minSimilarity !== null) return null;
  // The albums of the query are no results; whether they meet the filters is not known here.
  const asked = new Set(address.parts.flatMap((part) => (part.kind === "album" ? [part.id] : []))).size;
  return asked === 0 || countFilters(address) === 0 ? meetingFilters - asked : null;
}

function headingText(search: RunningSearch, isStale: boolean, address: Address, ranked: number | null): string {
  if (isStale && search.error === null) return search.matches.length ? "Searching …" : "Looking at the covers …";
  if (search.error !== null && (isStale || !search.matches.length)) return "No answer";
  const count = search.end === "exhausted" ? search.matches.length : ranked;
  if (count === 0) return "No albums";
  if (count === null) return "Albums, most similar first";
  if (count === 1) return "1 album";
  // Without filters the number is the size of the catalog, not a number of matches.
  const other = address.parts.some((part) => part.kind === "album") ? "other album" : "album";
  return `${countFilters(address) ? countText(count, "album") : `All ${countText(count, other)}`}, most similar first`;
}

/** A failed search, whose pictures can be shrunk or removed. */
function PictureProblem({ search }: { search: RunningSearch }): VNode {
  const { address, go } = useNavigation();
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => setFailure(null), [search.error]);
  const pictures = address.parts.filter((part) => part.kind === "image");
  const shrinkAll = async (): Promise<void> => {
    const asked = location.search;
    try {
      const parts = await Promise.all(address.parts.map(shrunk));
      // Meanwhile another search may have been opened, whose entry in the history must stay.
      if (location.search === asked) go({ parts }, { replace: true });
    } catch {
      setFailure(new ServiceError("picture_unreadable", "this browser cannot decode the picture"));
    }
  };
  return html`<${ProblemPanel}
    error=${failure ?? search.error}
    onRetry=${search.retry}
    onShrink=${pictures.length ? () => void shrinkAll() : undefined}
    onRemovePicture=${pictures.length
      ? () => go({ parts: address.parts.filter((part) => part.kind !== "image") })
      : undefined}
  />`;
}

async function shrunk(part: Part): Promise<Part> {
  if (part.kind !== "image") return part;
  const picture = await readPicture(part.id);
  const copy = await addPicture(await shrink(picture.blob), picture.name);
  return { ...part, id: copy.id };
}
