// The chips of a composed query: each part with its sign and its weight.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Cover } from "../../album/cover";
import { nameOf } from "../../album/describe";
import { useAlbum } from "../../album/use_album";
import type { Part } from "../../client/search";
import { html } from "../../html";
import { readPicture, type StoredPicture, urlOf } from "../../pictures/store";
import { Icon } from "../../shell/icons";

/** The weights that a person can choose; the HTTP API accepts any number up to 10. */
const WEIGHTS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3];

interface PartsProps {
  parts: readonly Part[];
  onChange: (parts: readonly Part[]) => void;
}

export function Parts({ parts, onChange }: PartsProps): VNode {
  const replace = (index: number, part: Part): void => onChange(parts.map((each, at) => (at === index ? part : each)));
  return html`<ul class="parts" aria-label="Parts of the search">
    ${parts.map(
      (part, index) => html`<${PartChip}
        key=${`${part.kind} ${part.kind === "text" ? index : part.id}`}
        part=${part}
        onChange=${(changed: Part) => replace(index, changed)}
        onRemove=${() => onChange(parts.filter((_, at) => at !== index))}
      />`,
    )}
  </ul>`;
}

interface ChipProps {
  part: Part;
  onChange: (part: Part) => void;
  onRemove: () => void;
}

function PartChip({ part, onChange, onRemove }: ChipProps): VNode {
  const { label, picture } = useContent(part);
  const isMore = part.weight > 0;
  const size = Math.abs(part.weight);
  const weights = WEIGHTS.includes(size) ? WEIGHTS : [...WEIGHTS, size].sort((a, b) => a - b);
  const weigh = (event: Event): void => {
    onChange({ ...part, weight: Number((event.target as HTMLSelectElement).value) * (isMore ? 1 : -1) });
  };
  return html`<li class=${`part ${isMore ? "" : "part-less"}`}>
    <button
      type="button"
      class="part-sign"
      aria-label=${`${isMore ? "More" : "Less"} of ${label}: change to ${isMore ? "less" : "more"}`}
      onClick=${() => onChange({ ...part, weight: -part.weight })}
    >
      <${Icon} name=${isMore ? "plus" : "minus"} /><span>${isMore ? "more" : "less"}</span>
    </button>
    ${picture}
    <span class="part-label" dir="auto" title=${label}>${label}</span>
    <select class="part-weight" aria-label=${`Weight of ${label}`} value=${String(size)} onChange=${weigh}>
      ${weights.map((weight) => html`<option value=${String(weight)} selected=${weight === size}>×${weight}</option>`)}
    </select>
    <button type="button" class="part-remove" aria-label=${`Remove ${label}`} onClick=${onRemove}>
      <${Icon} name="close" />
    </button>
  </li>`;
}

function useContent(part: Part): { label: string; picture: VNode | null } {
  const album = useAlbum(part.kind === "album" ? part.id : null).value;
  const picture = usePicture(part.kind === "image" ? part.id : null);
  if (part.kind === "text") return { label: part.text, picture: null };
  if (part.kind === "album") {
    const cover = album && html`<${Cover} album=${album} sizes="32px" isNamed />`;
    return { label: album ? nameOf(album) : part.id, picture: cover };
  }
  if (picture === "missing") return { label: "picture that is not kept here", picture: null };
  return { label: picture?.name ?? "picture", picture: picture && html`<${Preview} key=${picture.id} picture=${picture} />` };
}

/** A small view of a picture, or an icon if the browser cannot show the picture, as most browsers cannot show HEIC. */
function Preview({ picture }: { picture: StoredPicture }): VNode {
  const [hasFailed, setFailed] = useState(false);
  return hasFailed
    ? html`<span class="cover no-preview" title="This browser cannot show this picture."><${Icon} name="picture" /></span>`
    : html`<img class="cover" src=${urlOf(picture)} alt="" width="32" height="32" onError=${() => setFailed(true)} />`;
}

function usePicture(id: string | null): StoredPicture | "missing" | null {
  const [picture, setPicture] = useState<StoredPicture | "missing" | null>(null);
  useEffect(() => {
    let isCurrent = true;
    setPicture(null);
    if (id !== null) {
      readPicture(id).then(
        (found) => isCurrent && setPicture(found),
        () => isCurrent && setPicture("missing"),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [id]);
  return picture;
}
