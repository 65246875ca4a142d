// Explains a result: which parts of the query it matches, and which words are closest to its cover.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { isAbort } from "../../client/http";
import { search } from "../../client/search";
import type { Explanation, Match } from "../../client/types";
import { html } from "../../html";
import { readBytes } from "../../pictures/store";
import type { Address } from "../../shell/address";
import { connection } from "../../shell/session";
import { problemText } from "../../problems/texts";
import { PAGE, searchKey, searchOf } from "../use_search";

// Explanations of one page are read together.
const pages = new Map<string, Map<string, Explanation>>();

interface WhyProps {
  address: Address;
  match: Match;
  /** The position of the match in the ranking. */
  position: number;
}

export function Why({ address, match, position }: WhyProps): VNode {
  const [explanation, setExplanation] = useState<Explanation | null>(null);
  const [error, setError] = useState<unknown>(null);
  const offset = Math.floor(position / PAGE) * PAGE;
  useEffect(() => {
    const abort = new AbortController();
    explain(address, offset, abort.signal).then(
      (found) => setExplanation(found.get(match.id) ?? { parts: [], words: [] }),
      (failed: unknown) => isAbort(failed) || setError(failed),
    );
    return () => abort.abort();
  }, [match.id]);
  if (error !== null) return html`<p class="why" role="alert">${problemText(error).title}.</p>`;
  if (explanation === null) return html`<p class="why" role="status">Looking closer …</p>`;
  const labels = searchOf(address, 0).parts.map((part) =>
    part.kind === "text" ? `“${part.text}”` : part.kind === "image" ? "the picture" : "the other album",
  );
  return html`<div class="why" role="status">
    ${explanation.parts.length > 1 &&
    html`<ul class="why-parts">
      ${explanation.parts.map(
        ({ part, contribution }) => html`<li key=${part}>
          <span dir="auto">${labels[part]}</span>
          <span class=${`why-number ${contribution < 0 ? "is-negative" : ""}`}>${signed(contribution)}</span>
        </li>`,
      )}
    </ul>`}
    ${explanation.words.length > 0
      ? html`<p>The cover looks like <strong>${explanation.words.map(({ word }) => word).join(", ")}</strong>.</p>`
      : html`<p>No word of the vocabulary is close to this cover.</p>`}
  </div>`;
}

function signed(number: number): string {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(3)}`;
}

async function explain(address: Address, offset: number, signal: AbortSignal): Promise<Map<string, Explanation>> {
  const key = `${offset} ${searchKey(address) ?? ""}`;
  const kept = pages.get(key);
  if (kept) return kept;
  const { result } = await search(connection, searchOf(address, offset, true), { signal, picture: readBytes });
  const found = new Map(result.results.map((match) => [match.id, match.explain ?? { parts: [], words: [] }]));
  pages.set(key, found);
  return found;
}
