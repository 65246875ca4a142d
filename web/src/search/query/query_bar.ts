// The search field: words, the parts of the search, and pictures that are chosen, dropped or pasted.

import type { VNode } from "preact";

import type { Part } from "../../client/search";
import { html } from "../../html";
import { PARTS_MAX, TEXT_MAX_CHARS } from "../../shell/address";
import { Icon } from "../../shell/icons";
import { Parts } from "./part_chips";
import { useDroppedPictures } from "./use_dropped_pictures";
import { type QueryEditor, useQuery } from "./use_query";

export function QueryBar({ isStart }: { isStart: boolean }): VNode {
  const query = useQuery();
  const { parts, hasChips, addPictures } = query;
  useDroppedPictures((files) => void addPictures(files));
  const submit = (event: Event): void => {
    event.preventDefault();
    query.finish();
  };
  return html`<form class="query-bar" role="search" onSubmit=${submit}>
    <${Field} query=${query} />
    ${isStart && html`<${DropZone} onFiles=${addPictures} />`}
    ${hasChips && html`<${Parts} parts=${parts} onChange=${(next: readonly Part[]) => query.change(next)} />`}
    <p class="parts-full" role="status">
      ${parts.length >= PARTS_MAX ? `A search has at most ${PARTS_MAX} parts. Remove a part to add another.` : ""}
    </p>
  </form>`;
}

function Field({ query }: { query: QueryEditor }): VNode {
  const { draft, hasChips, addPictures } = query;
  const pin = (): void => {
    query.pin();
    document.getElementById("query")?.focus();
  };
  return html`<div class="field">
    <${Icon} name="search" />
    <input
      id="query"
      type="search"
      name="text"
      aria-label="Describe a cover"
      placeholder=${hasChips ? "Add words" : "Describe a cover"}
      maxlength=${TEXT_MAX_CHARS}
      autocomplete="off"
      enterkeyhint="search"
      dir="auto"
      value=${draft}
      onInput=${(event: Event) => query.type((event.target as HTMLInputElement).value)}
      onBlur=${query.endPhrase}
    />
    ${draft.trim() &&
    html`<button type="button" class="field-button field-pin" title="Keep these words and add more" onClick=${pin}>
      <${Icon} name="plus" /><span class="hidden">Keep these words as a part, and add another part</span>
    </button>`}
    <${PictureButton} label="Choose a picture" icon="picture" onFiles=${addPictures} />
    <${PictureButton} label="Take a photo" icon="camera" camera onFiles=${addPictures} />
  </div>`;
}

interface PictureButtonProps {
  label: string;
  icon: "picture" | "camera";
  camera?: boolean;
  onFiles: (files: readonly File[]) => Promise<void>;
}

function DropZone({ onFiles }: { onFiles: (files: readonly File[]) => Promise<void> }): VNode {
  return html`<label class="drop-zone">
    <${Icon} name="picture" />
    <span class="for-mouse">Drop a picture here, paste it, or choose one. Crop it to the cover for better matches.</span>
    <span class="for-touch">Choose a picture of a cover, cropped to the cover</span>
    <${FileInput} onFiles=${onFiles} multiple />
  </label>`;
}

function PictureButton({ label, icon, camera = false, onFiles }: PictureButtonProps): VNode {
  return html`<label class=${`field-button ${camera ? "field-camera" : ""}`} title=${label}>
    <${Icon} name=${icon} /><span class="hidden">${label}</span>
    <${FileInput} onFiles=${onFiles} capture=${camera ? "environment" : undefined} multiple=${!camera} />
  </label>`;
}

interface FileInputProps {
  onFiles: (files: readonly File[]) => Promise<void>;
  multiple?: boolean;
  capture?: "environment" | undefined;
}

function FileInput({ onFiles, multiple = false, capture }: FileInputProps): VNode {
  const choose = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    // The same file can be chosen again.
    input.value = "";
    if (files.length) void onFiles(files);
  };
  return html`<input
    class="hidden"
    type="file"
    accept="image/*,.heic,.heif,.avif"
    capture=${capture}
    multiple=${multiple}
    onChange=${choose}
  />`;
}
