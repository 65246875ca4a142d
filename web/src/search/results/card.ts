// One result: cover, names, facts, similarity, and what a person can do with it.

import type { VNode } from "preact";
import { useState } from "preact/hooks";

import { Cover } from "../../album/cover";
import { factsOf, nameOf } from "../../album/describe";
import type { Match } from "../../client/types";
import { html } from "../../html";
import { Icon } from "../../shell/icons";
import { hrefOf, onLink, useNavigation } from "../../shell/navigation";
import { withAlbum } from "../query/add_album";
import { Why } from "./why";

/** How wide a cover is in the grid, for the choice of the thumbnail. */
const SIZES = "(max-width: 40rem) 45vw, 14rem";

export function Card({ match, position }: { match: Match; position: number }): VNode {
  const { address, go } = useNavigation();
  const [asksWhy, setAsksWhy] = useState(false);
  const name = nameOf(match);
  const act = (weight: number): void => {
    go(withAlbum(address, match.id, weight));
    document.getElementById("results-heading")?.focus();
  };
  return html`<li class="card">
    <a
      class="card-link"
      href=${hrefOf({ ...address, album: match.id })}
      onClick=${onLink(() => go({ album: match.id }))}
    >
      <span class="card-cover"><${Cover} album=${match} sizes=${SIZES} isNamed /></span>
      <span class="card-title"><bdi>${match.album_name}</bdi></span>
      <span class="card-artist"><bdi>${match.artist}</bdi></span>
    </a>
    <p class="card-facts">
      ${factsOf(match).map((fact, index) => html`${index > 0 ? " · " : ""}<bdi>${fact}</bdi>`)}
      ${match.best_new_music && html`<span class="mark">Best new music</span>`}
    </p>
    <div class="card-foot">
      <${Similarity} value=${match.similarity} />
      <div class="card-actions">
        <button type="button" title="More like this" aria-label=${`More like ${name}`} onClick=${() => act(1)}>
          <${Icon} name="plus" />
        </button>
        <button type="button" title="Less like this" aria-label=${`Less like ${name}`} onClick=${() => act(-0.5)}>
          <${Icon} name="minus" />
        </button>
        <button
          type="button"
          title="Why?"
          aria-label=${`Why ${name}?`}
          aria-expanded=${asksWhy}
          onClick=${() => setAsksWhy(!asksWhy)}
        >
          <${Icon} name="why" />
        </button>
      </div>
    </div>
    ${asksWhy && html`<${Why} address=${address} match=${match} position=${position} />`}
  </li>`;
}

function Similarity({ value }: { value: number }): VNode {
  const width = Math.max(0, Math.min(1, value));
  return html`<span class="similarity" title=${`Similarity ${value.toFixed(3)}, at most 1`}>
    <span class="hidden">Similarity</span>
    <span class="similarity-track"><span class="similarity-bar" style=${{ width: `${100 * width}%` }}></span></span>
    <span class="similarity-number">${(Math.round(value * 100) / 100).toFixed(2).replace("-", "−")}</span>
  </span>`;
}
